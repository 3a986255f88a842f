"""Adapters: local ports, pexpect, Fabric, noVNC and D-Bus over clients."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import stat
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from pytest_jumpstarter.upstream_api.adapters import (
    DbusAdapter,
    FabricAdapter,
    NovncAdapter,
    PexpectAdapter,
    TcpPortforwardAdapter,
    UnixPortforwardAdapter,
)
from pytest_jumpstarter.upstream_api.clients.adapters.portforward import handler
from pytest_jumpstarter.upstream_api.clients.blocking import blocking
from pytest_jumpstarter.upstream_api.clients.optional import MissingPackage

from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork

Served = Callable[[Driver], Any]


@pytest.fixture
def echo(served: Served) -> Any:
    return served(EchoNetwork())


def talk(connection: socket.socket, text: bytes) -> None:
    connection.sendall(text)
    assert connection.recv(len(text), socket.MSG_WAITALL) == text


def test_a_local_tcp_port(echo: Any) -> None:
    with TcpPortforwardAdapter(client=echo) as (host, port):
        assert host == "127.0.0.1"
        with socket.create_connection((host, port), 5) as one, socket.create_connection((host, port), 5) as other:
            talk(one, b"hello")
            talk(other, b"world")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, port), 1)


def test_a_local_unix_socket(echo: Any, tmp_path: Path) -> None:
    with UnixPortforwardAdapter(client=echo) as path:
        assert isinstance(path, Path)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(path))
            talk(connection, b"hello")
    assert not path.exists()
    with UnixPortforwardAdapter(client=echo, path=tmp_path / "here") as path:
        assert path == tmp_path / "here"
        assert path.exists()


def test_pexpect(echo: Any) -> None:
    with PexpectAdapter(client=echo) as console:
        console.sendline("uname -a")
        assert console.expect([b"never", b"uname (-.)"], timeout=5) == 1
        assert console.match[1] == b"-a"


def test_adapters_take_the_proxies_of_the_core_as_well(echo: Any) -> None:
    with PexpectAdapter(client=echo.stub.proxy) as console:
        console.sendline("hello")
        console.expect(b"hello", timeout=5)


def test_adapters_of_ones_own(echo: Any) -> None:
    @blocking
    def shouting(*, client: Any, method: str = "connect") -> Any:
        return client.stream_async(method)

    with shouting(client=echo) as stream:
        echo.portal.call(stream.send, b"hello")
        assert echo.portal.call(stream.receive) == b"hello"


def test_a_handler_for_listeners_of_ones_own(echo: Any) -> None:
    async def main() -> bytes:
        from pytest_jumpstarter.upstream_api.exporter.streams import create_memory_stream

        here, there = create_memory_stream()
        async with anyio.create_task_group() as tasks, here:
            tasks.start_soon(handler, echo, "connect", there)
            await here.send(b"hello")
            data = await here.receive()
            await here.send_eof()
            with pytest.raises(anyio.EndOfStream):
                await here.receive()
        return bytes(data)

    assert echo.portal.call(main) == b"hello"


# Fabric is optional; what we give it is what matters here


class Connection:
    """In place of Fabric's."""

    def __init__(self, host: str, **options: Any) -> None:
        self.host, self.options, self.closed = host, options, False

    def close(self) -> None:
        self.closed = True


def test_fabric_gets_the_port_and_the_options(echo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("fabric")
    module.Connection = Connection  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fabric", module)
    with FabricAdapter(client=echo, user="root", connect_kwargs={"password": "x"}) as connection:
        assert connection.options["user"] == "root"
        assert connection.options["connect_kwargs"] == {"password": "x"}
        with socket.create_connection((connection.host, connection.options["port"]), 5) as raw:
            talk(raw, b"SSH-2.0")
    assert connection.closed


@pytest.mark.parametrize(
    ("adapter", "package", "extra"), [(FabricAdapter, "fabric", "fabric"), (NovncAdapter, "websockets", "novnc")]
)
def test_what_is_not_installed_is_named(
    echo: Any, adapter: Any, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "pytest_jumpstarter.upstream_api.clients.adapters.websocket", raising=False)

    class Nothing:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
            if name.partition(".")[0] == package:
                raise ModuleNotFoundError(f"No module named '{package}'", name=package)

    monkeypatch.setattr(sys, "meta_path", [Nothing(), *sys.meta_path])
    with pytest.raises(MissingPackage) as failure, adapter(client=echo):
        pass
    assert str(failure.value) == (
        f"{adapter.__name__} needs the package '{package}', which is not installed. "
        f"Install robotframework-jumpstarter[{extra}]."
    )


# noVNC


class Browser:
    """The browser's side of a WebSocket, in bytes."""

    KEY = base64.b64encode(b"0123456789abcdef").decode()

    def __init__(self, host: str, port: int, protocols: str = "") -> None:
        self.socket = socket.create_connection((host, port), 5)
        wanted = f"Sec-WebSocket-Protocol: {protocols}\r\n" if protocols else ""
        self.socket.sendall(
            f"GET /websockify HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self.KEY}\r\nSec-WebSocket-Version: 13\r\n{wanted}\r\n".encode()
        )
        self.answer = b""
        while b"\r\n\r\n" not in self.answer:
            self.answer += self.socket.recv(1)

    def send(self, data: bytes, opcode: int = 2) -> None:
        mask = b"\1\2\3\4"
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + mask + masked)

    def receive(self) -> tuple[int, bytes]:
        head = self.socket.recv(2, socket.MSG_WAITALL)
        return head[0] & 15, self.socket.recv(head[1], socket.MSG_WAITALL) if head[1] else b""


def test_novnc_speaks_websocket(echo: Any) -> None:
    with NovncAdapter(client=echo, encrypt=False) as url:
        parts = urlsplit(url)
        query = {key: value[0] for key, value in parse_qs(parts.query).items()}
        assert (parts.scheme, parts.netloc, parts.path) == ("https", "novnc.com", "/noVNC/vnc.html")
        assert (query["encrypt"], query["autoconnect"], query["reconnect"]) == ("0", "1", "1")
        browser = Browser(query["host"], int(query["port"]), "base64, binary")
        accepted = hashlib.sha1(f"{Browser.KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        assert base64.b64encode(accepted) in browser.answer
        assert b"Sec-WebSocket-Protocol: binary" in browser.answer
        browser.send(b"RFB 003.008\n")
        assert browser.receive() == (2, b"RFB 003.008\n")
        browser.send(b"are you there", opcode=9)
        assert browser.receive() == (10, b"are you there")
        browser.send(b"\x03\xe8", opcode=8)
        assert browser.receive() == (8, b"\x03\xe8")
        browser.socket.close()
        plain = Browser(query["host"], int(query["port"]))
        assert plain.answer.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Protocol" not in plain.answer
        plain.socket.close()
    with NovncAdapter(client=echo) as url:
        assert "encrypt=1" in url


def test_novnc_refuses_what_is_no_websocket(echo: Any) -> None:
    with NovncAdapter(client=echo) as url:
        query = parse_qs(urlsplit(url).query)
        with socket.create_connection((query["host"][0], int(query["port"][0])), 5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 426"


# D-Bus


@pytest.mark.parametrize(
    ("kind", "variable"), [("system", "DBUS_SYSTEM_BUS_ADDRESS"), ("session", "DBUS_SESSION_BUS_ADDRESS")]
)
@pytest.mark.parametrize("before", [None, "unix:path=/run/before"])
def test_dbus(served: Served, kind: str, variable: str, before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bus(EchoNetwork):
        client = classmethod(lambda cls: "jumpstarter_driver_network.client.DbusNetworkClient")

        def extra_labels(self) -> dict[str, str]:
            return {"jumpstarter.dev/dbusnetwork/kind": kind}

    if before is None:
        monkeypatch.delenv(variable, raising=False)
    else:
        monkeypatch.setenv(variable, before)
    client = served(Composite(children={"bus": Bus()})).bus
    assert client.kind == kind
    with client:
        outer = os.environ[variable]
        host, port = outer.removeprefix("tcp:host=").split(",port=")
        with socket.create_connection((host, int(port)), 5) as connection:
            talk(connection, b"AUTH")
        with client:
            assert os.environ[variable] != outer
        assert os.environ[variable] == outer
    assert os.environ.get(variable) == before


def test_a_bus_of_no_known_kind() -> None:
    client = types.SimpleNamespace(kind="starter")
    with pytest.raises(UsageError) as failure, DbusAdapter(client=client):
        pass
    assert str(failure.value) == "'starter' is no kind of D-Bus. Expected one of: system, session."
