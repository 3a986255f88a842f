"""Local ports that forward to a driver: TCP, unix sockets, half close, many connections, and what is refused."""

from __future__ import annotations

import random
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.network import TcpNetwork, UnixNetwork

LIMIT_S = 10.0


def exchange(connection: socket.socket, data: bytes) -> bytes:
    """Send some data, half-close, and return all that comes back."""
    connection.settimeout(LIMIT_S)
    sending = threading.Thread(
        target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)), daemon=True
    )
    sending.start()
    received = b"".join(iter(lambda: connection.recv(65536), b""))
    sending.join(LIMIT_S)
    return received


def connect_unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(LIMIT_S)
    connection.connect(path)
    return connection


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_tcp(bench: Device, size: int) -> None:
    data = random.Random(1).randbytes(size)
    with bench.client.echo.forward_tcp() as forward:
        assert forward.host == "127.0.0.1"
        with socket.create_connection((forward.host, forward.port), LIMIT_S) as connection:
            assert exchange(connection, data) == data


def test_unix(bench: Device) -> None:
    with bench.client.echo.forward_unix() as forward:
        path = Path(forward.path)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        with connect_unix(forward.path) as connection:
            assert exchange(connection, b"hello") == b"hello"
    assert not path.parent.exists()


def test_unix_at_a_path(bench: Device, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with bench.client.echo.forward_unix(str(path)) as forward, connect_unix(forward.path) as connection:
        assert exchange(connection, b"hello") == b"hello"
    assert not path.exists()
    assert tmp_path.exists()


@pytest.mark.parametrize("runtime", ["there", "not there"])
def test_private_sockets_are_where_the_system_wants_them(
    bench: Device, short: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    directory = short if runtime == "there" else short / "none"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    with bench.client.echo.forward_unix() as forward:
        assert Path(forward.path).is_relative_to(short) is (runtime == "there")


def test_many_connections_at_once(bench: Device) -> None:
    answers: dict[int, bytes] = {}
    with bench.client.echo.forward_tcp() as forward:

        def talk(number: int) -> None:
            with socket.create_connection((forward.host, forward.port), LIMIT_S) as connection:
                answers[number] = exchange(connection, b"%d " % number * 1000)

        threads = [threading.Thread(target=talk, args=(number,), daemon=True) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
    assert answers == {number: b"%d " % number * 1000 for number in range(20)}


def test_each_connection_has_a_stream_of_its_own(bench: Device) -> None:
    with bench.client.echo.forward_tcp() as forward:
        address = (forward.host, forward.port)
        with socket.create_connection(address, LIMIT_S) as one, socket.create_connection(address, LIMIT_S) as other:
            one.sendall(b"one")
            other.sendall(b"other")
            assert (one.recv(10), other.recv(10)) == (b"one", b"other")


def test_closing_ends_open_connections(bench: Device) -> None:
    forward = bench.client.echo.forward_tcp()
    with socket.create_connection((forward.host, forward.port), LIMIT_S) as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        forward.close()
        forward.close()
        assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((forward.host, forward.port), LIMIT_S)


def test_closing_the_device_ends_open_connections(bench: Device) -> None:
    with (
        bench.client.echo.forward_tcp() as forward,
        socket.create_connection((forward.host, forward.port), LIMIT_S) as connection,
    ):
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        bench.close()
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_a_local_client_that_resets(bench: Device, eventually: Any) -> None:
    with bench.client.echo.forward_tcp() as forward:
        connection = socket.create_connection((forward.host, forward.port), LIMIT_S)
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        eventually(lambda: forward.connections == 0)


@pytest.fixture
def service() -> Iterator[Callable[[int], tuple[socket.socket, dict[str, Driver]]]]:
    """A service behind the exporter, and the driver that connects to it."""
    listeners = []

    def listen(family: int, path: str = "") -> tuple[socket.socket, dict[str, Driver]]:
        if family == socket.AF_UNIX:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()
            driver: Driver = UnixNetwork(path=path)
        else:
            listener = socket.create_server(("127.0.0.1", 0))
            driver = TcpNetwork(host="127.0.0.1", port=listener.getsockname()[1])
        listener.settimeout(LIMIT_S)
        listeners.append(listener)
        return listener, {"net": driver}

    yield listen
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_half_close_in_both_directions(
    family: int, service: Any, device_with: Callable[..., Device], tmp_path: Path
) -> None:
    listener, drivers = service(family, str(tmp_path / "service"))
    device = device_with(drivers)
    with (
        device.client.net.forward_tcp() as forward,
        socket.create_connection((forward.host, forward.port), LIMIT_S) as ours,
    ):
        theirs, _ = listener.accept()
        with closing(theirs):
            theirs.settimeout(LIMIT_S)
            # The service ends its direction first, and still hears us.
            theirs.sendall(b"banner")
            theirs.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: ours.recv(100), b"")) == b"banner"
            ours.sendall(b"still heard")
            ours.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: theirs.recv(100), b"")) == b"still heard"


def test_a_service_that_is_not_there(
    service: Any, device_with: Callable[..., Device], caplog: pytest.LogCaptureFixture
) -> None:
    listener, drivers = service(socket.AF_INET)
    listener.close()
    device = device_with(drivers)
    with (
        device.client.net.forward_tcp() as forward,
        socket.create_connection((forward.host, forward.port), LIMIT_S) as connection,
    ):
        assert connection.recv(1) == b""
    warnings = [record.getMessage() for record in caplog.records if record.name.endswith("client.forward")]
    assert len(warnings) == 1
    assert warnings[0].startswith("forward to driver 'net': 'connect' of driver 'net' failed on the exporter: ")


def test_a_port_that_is_in_use(bench: Device) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            bench.client.echo.forward_tcp(port=port)
    text = str(caught.value)
    assert text.startswith(f"Nothing can listen on 127.0.0.1:{port}: [Errno 98] Address already in use")
    assert text.endswith(". Leave port= out for a free one.")


def test_a_port_that_cannot_be(bench: Device) -> None:
    with pytest.raises(UsageError) as caught:
        bench.client.echo.forward_tcp(port=65536)
    assert str(caught.value) == "There is no port 65536; the last one is 65535. Leave port= out for a free one."


def test_a_path_that_is_in_use(bench: Device, tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.touch()
    with pytest.raises(UsageError) as caught:
        bench.client.echo.forward_unix(str(path))
    assert str(caught.value) == (
        f"Nothing can listen on the socket '{path}': Address already in use. Leave path= out for a private one."
    )
    assert path.exists()


def test_a_socket_path_that_is_too_long(bench: Device) -> None:
    path = "/" + "x" * 107
    with pytest.raises(UsageError) as caught:
        bench.client.echo.forward_unix(path)
    assert str(caught.value) == (
        f"The socket path '{path}' has 108 bytes, but unix sockets take 107. Use a shorter one, for example by a "
        f"symbolic link to its directory."
    )
