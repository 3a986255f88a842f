"""Matches that chunk borders cut, and silence that proves nothing."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from JumpstarterLibrary.client import Console, Device, DirectConnection
from JumpstarterLibrary.client.consoles import recording as recording_module
from JumpstarterLibrary.errors import LinkError, UsageError
from JumpstarterLibrary.exporter import ByteStream, Driver, HostedExporter, exportstream, serve
from JumpstarterLibrary.exporter.streams import MemoryStream, memory_pair


@dataclass(kw_only=True)
class Port(Driver):
    """A serial port that says what the test says."""

    far: MemoryStream | None = None

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        near, self.far = memory_pair()
        yield near


@dataclass
class Rig:
    """A console, and what is behind it."""

    console: Console
    port: Port
    exporter: HostedExporter

    def say(self, text: str) -> None:
        assert self.port.far is not None
        self.exporter.run(self.port.far.send(text.encode()))


@pytest.fixture
def rig() -> Iterator[Rig]:
    port = Port()
    with (
        serve(port, grace=0) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={})) as device,
    ):
        yield Rig(device.console(), port, exporter)


def test_a_match_at_the_end_of_the_output_may_grow(rig: Rig) -> None:
    rig.say("Linux version 6.")
    rig.console.wait_for("6.", 5, since=0)
    later = threading.Timer(0.01, rig.say, ["12.74 ok\n"])
    later.start()
    match = rig.console.wait_for(r"regexp:version (?P<version>\S+)", 5, since=0)
    later.join()
    assert match.groups == {"version": "6.12.74"}


def test_a_match_at_the_end_of_the_output_that_stays_is_final(rig: Rig) -> None:
    rig.say("login: ")
    assert rig.console.wait_for("regexp:login: *", 5).text == "login: "


def test_a_broken_console_proves_no_silence() -> None:
    with serve(Port(), grace=0) as exporter:
        device = Device.connect(DirectConnection.from_arguments(exporter.host, environ={}))
        console = device.console()
    with device:
        with pytest.raises(LinkError, match=r"^The stream of console 'console' broke while waiting for 'login:': "):
            console.wait_for("login:", 5)
        with pytest.raises(LinkError, match=r"^The stream of console 'console' broke while waiting for 'panic': "):
            console.must_not_say("panic", 0)


def test_what_is_forgotten_proves_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "HISTORY", 1000)
    port = Port()
    with (
        serve(port, grace=0) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={})) as device,
    ):
        rig = Rig(device.console(), port, exporter)
        rig.say("panic\n")
        for _ in range(5):
            rig.say("x" * 500)
        rig.say("end\n")
        rig.console.wait_for("end", 5)
        with pytest.raises(UsageError, match=r"^Console 'console' has said so much since then that its first \d+ "):
            rig.console.must_not_say("panic", 0, since=0)
