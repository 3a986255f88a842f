"""Sessions under upstream's interface, with clients on real sockets."""

from __future__ import annotations

import asyncio
import logging
import stat
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.clients.factory import Allow, build_clients
from pytest_jumpstarter.upstream_api.exporter.driver import Driver, export
from pytest_jumpstarter.upstream_api.exporter.guards import PASSPHRASE_METADATA_KEY, PassphraseInterceptor
from pytest_jumpstarter.upstream_api.exporter.loggers import get_logger
from pytest_jumpstarter.upstream_api.exporter.session import Session
from pytest_jumpstarter.upstream_api.exporter.statuses import HOOK_WARNING_PREFIX, ExporterStatus, LogSource

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.errors import ConfigurationError, LinkError
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.types import Tls


@dataclass(kw_only=True)
class Lamp(Driver):
    events: list[str] = field(default_factory=list)
    broken: bool = False

    @classmethod
    def client(cls) -> str:
        return "nobodys.client.Lamp"

    def reset(self) -> None:
        self.events.append("reset")

    def close(self) -> None:
        self.events.append("closed")
        if self.broken:
            raise RuntimeError("stuck")

    @export
    def light(self) -> str:
        return "bright"


def connected(host: Any, **arguments: Any) -> Device:
    return Device.connect(DirectConnection.from_arguments(str(host), environ={}, **arguments), 10)


def test_a_session_serves_from_a_thread_between_reset_and_close() -> None:
    lamp = Lamp()
    with Session(root_device=Composite(children={"lamp": lamp})) as session:
        assert lamp.events == ["reset"]
        with session.serve_unix() as path:
            assert isinstance(path, Path)
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            session.update_status(ExporterStatus.LEASE_READY, "come in")
            with connected(path) as device:
                assert device.client.lamp.call("light") == "bright"
        assert not path.exists()
        with session.serve_unix() as second:
            assert second != path
        assert lamp.events == ["reset"]
    assert lamp.events == ["reset", "closed"]


def test_serving_enters_a_session_that_nobody_has_entered() -> None:
    lamp = Lamp()
    with Session(root_device=lamp).serve_unix():
        assert lamp.events == ["reset"]
    assert lamp.events == ["reset", "closed"]


def test_a_driver_that_does_not_close_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Session(root_device=Lamp(broken=True)):
        pass
    assert "A driver did not close: stuck" in caplog.messages


def test_status_report_and_names() -> None:
    lamp = Lamp(description="shines")
    identity = uuid.uuid4()
    session = Session(root_device=lamp, uuid=identity, labels={"jumpstarter.dev/name": "desk", "room": "1"})
    assert (session.uuid, session.name, session[lamp.uuid], session.mapping) == (
        identity,
        "desk",
        lamp,
        {lamp.uuid: lamp},
    )
    assert (session.status, session.get_status().status_version) == (ExporterStatus.AVAILABLE, 0)
    session.update_status(3, "hook")
    assert (session.status, session.get_status().message) == (ExporterStatus.BEFORE_LEASE_HOOK, "hook")
    report = session.get_report()
    assert (report.uuid, dict(report.labels)["room"], report.reports[0].description) == (str(identity), "1", "shines")
    assert Session(root_device=lamp).name == "unknown"


def test_the_rpcs_can_be_asked_directly() -> None:
    async def scenario() -> None:
        session = Session(root_device=Lamp())
        assert (await session.GetReport()).uuid == str(session.uuid)
        assert (await session.GetStatus()).status == ExporterStatus.AVAILABLE.to_proto()
        ended = await session.EndSession()
        assert (ended.success, ended.message) == (False, "No active lease context")

    asyncio.run(scenario())


def test_serving_on_the_running_loop(tmp_path: Path) -> None:
    def ask(host: Any, **arguments: Any) -> str:
        with connected(host, **arguments) as device:
            return str(device.root.label)

    async def scenario() -> None:
        async with Session(root_device=Lamp()) as session:
            session.update_status(ExporterStatus.LEASE_READY)
            async with session.serve_unix_async() as path:
                assert await asyncio.to_thread(ask, path) == "nobodys.client.Lamp"
            async with session.serve_unix_with_hook_socket_async() as paths:
                assert [await asyncio.to_thread(ask, path) for path in paths] == ["nobodys.client.Lamp"] * 2
            async with session.serve_port_async(f"unix://{tmp_path}/s"):
                assert await asyncio.to_thread(ask, tmp_path / "s") == "nobodys.client.Lamp"
            async with session.serve_multi_port_async("127.0.0.1:0", f"unix:{tmp_path}/t"):
                assert await asyncio.to_thread(ask, tmp_path / "t") == "nobodys.client.Lamp"
            async with session.serve_tcp_async("127.0.0.1", 0) as port:
                assert await asyncio.to_thread(ask, f"127.0.0.1:{port}", tls=Tls.plaintext) == "nobodys.client.Lamp"

    asyncio.run(scenario())


def test_a_passphrase_guards_the_port_and_not_the_socket(tmp_path: Path) -> None:
    def ask(host: Any, **arguments: Any) -> str:
        with connected(host, **arguments) as device:
            return str(device.root.label)

    async def scenario() -> None:
        session, socket = Session(root_device=Lamp()), tmp_path / "hooks"
        session.update_status(ExporterStatus.LEASE_READY)
        guard = [PassphraseInterceptor("sesame")]
        async with session.serve_tcp_async("127.0.0.1", 0, interceptors=guard) as port:
            address = f"127.0.0.1:{port}"
            assert (
                await asyncio.to_thread(ask, address, tls=Tls.plaintext, passphrase="sesame") == "nobodys.client.Lamp"
            )
            with pytest.raises(LinkError):
                await asyncio.to_thread(ask, address, tls=Tls.plaintext, passphrase="other")
        async with session.serve_tcp_and_unix_async("127.0.0.1", 0, str(socket), interceptors=guard):
            assert await asyncio.to_thread(ask, socket) == "nobodys.client.Lamp"

    assert PASSPHRASE_METADATA_KEY == "x-jumpstarter-passphrase"
    asyncio.run(scenario())


def test_an_address_that_is_none() -> None:
    async def scenario() -> None:
        with pytest.raises(ConfigurationError) as caught:
            async with Session(root_device=Lamp()).serve_port_async("somewhere"):
                pass
        assert str(caught.value) == "'somewhere' is no address to listen on. Write unix:///path, or host:port."

    asyncio.run(scenario())


def test_clients_read_the_lines_of_other_loggers(caplog: pytest.LogCaptureFixture, eventually: Any) -> None:
    def heard() -> list[tuple[str, str]]:
        return [(record.name, record.message) for record in caplog.records if record.name.startswith("exporter:")]

    caplog.set_level(logging.INFO)
    root = Composite(children={"power": MockPower()})
    with Session(root_device=root) as session, session.serve_unix() as path:
        session.update_status(ExporterStatus.LEASE_READY)
        logger = get_logger("lab.door", LogSource.BEFORE_LEASE_HOOK, session)
        assert logger is logging.getLogger("lab.door")
        assert get_logger("lab.window").name == "lab.window"
        with connected(path) as device, (client := build_clients(device, Allow(unsafe=True))).log_stream():
            logger.info("open")
            with session.context_log_source("lab.roof", LogSource.AFTER_LEASE_HOOK):
                logging.getLogger("lab.roof.hatch").info("shut")
            client.power.on()
            eventually(lambda: ("exporter:driver", "power on") in heard())
    assert [line for line in heard() if line[0] != "exporter:system"] == [
        ("exporter:beforeLease", "open"),
        ("exporter:afterLease", "shut"),
        ("exporter:driver", "power on"),
    ]


def test_the_numbers_of_the_wire() -> None:
    for kind in (ExporterStatus, LogSource):
        assert [kind.from_proto(member.to_proto()) for member in kind] == list(kind)
        assert [int(member) for member in kind] == list(range(len(kind)))
    assert f"{ExporterStatus.LEASE_READY}" == str(ExporterStatus.LEASE_READY) == "LEASE_READY"
    with pytest.raises(ValueError, match=r"^99 is not a valid ExporterStatus$"):
        ExporterStatus.from_proto(99)
    assert HOOK_WARNING_PREFIX == "[HOOK_WARNING] "
