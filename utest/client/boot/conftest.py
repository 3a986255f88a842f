"""Boards for the tests of the boot: virtual ones, and serial ports whose other end is in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.exporter import Driver, exportstream
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard

Answers = Callable[[bytes], bytes]


class Port(Driver):
    """A serial port whose other end is a function.

    Attributes:
        answers: Called with what was typed; returns what is said then.
        got: All that was typed.
    """

    def __init__(self, answers: Answers = lambda _: b"") -> None:
        super().__init__()
        self.answers = answers
        self.got = bytearray()
        self._says: asyncio.Queue[bytes] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        self._loop = asyncio.get_running_loop()
        yield self

    def say(self, *pieces: bytes) -> None:
        """Say something."""
        assert self._loop is not None
        for piece in pieces:
            self._loop.call_soon_threadsafe(self._says.put_nowait, piece)

    async def send(self, data: bytes) -> None:
        self.got += data
        if said := self.answers(data):
            self._says.put_nowait(said)

    async def receive(self) -> bytes:
        return await self._says.get()

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class Line:
    """U-Boot's side of a line: echoes, edits with Ctrl-U, and answers lines.

    Args:
        commands: Output and status by command.
        limit: Characters of a line; what is typed beyond is not taken.
    """

    def __init__(self, commands: dict[str, tuple[str, int]] | None = None, limit: int = 500) -> None:
        self.commands = commands or {}
        self.ran: list[str] = []
        self._limit = limit
        self._line = ""
        self._status = 0

    def __call__(self, data: bytes) -> bytes:
        return b"".join(self._key(character) for character in data.decode()) if data else b""

    def _key(self, key: str) -> bytes:
        if key == "\x15":
            gone, self._line = len(self._line), ""
            return b"\b \b" * gone
        if key == "\x03":
            self._line = ""
            return b"<INTERRUPT>\r\n=> "
        if key not in "\r\n":
            if len(self._line) >= self._limit:
                return b"\a"
            self._line += key
            return key.encode()
        line, self._line = self._line, ""
        return b"\r\n" + self._run(line).replace("\n", "\r\n").encode() + b"=> "

    def _run(self, line: str) -> str:
        self.ran.append(line)
        if line.startswith("#"):
            return ""
        if line.startswith("echo JMP"):
            return line.removeprefix("echo ").replace("$?", str(self._status)) + "\n"
        output, self._status = self.commands.get(line, (f"Unknown command '{line}'\n", 1))
        return output


@pytest.fixture
def port() -> Port:
    """A serial port that says nothing by itself."""
    return Port()


@pytest.fixture
def device(port: Port, device_with: Callable[..., Device]) -> Device:
    """A device with that port and a power driver; the console is open."""
    device = device_with({"console": port, "power": MockPower()})
    device.open_consoles()
    return device


@pytest.fixture
def virtual(device_with: Callable[..., Device]) -> Callable[..., Device]:
    """Start a virtual board with some settings, and connect to it; the console is open."""

    def start(**settings: Any) -> Device:
        board = VirtualBoard(**{"preinstalled": True, "speed": 50.0, **settings})
        device = device_with({"board": board})
        device.open_consoles()
        return device

    return start
