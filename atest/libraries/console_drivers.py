"""Serial ports whose other end does what a test says, through calls of the driver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from JumpstarterLibrary.exporter import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from JumpstarterLibrary.exporter.drivers.virtual.console import VirtualConsole
from JumpstarterLibrary.exporter.readers import SharedReader
from scripts.serial_port import PortStream

ERASE = b"\x15"
LAST = b"\x06"
"""Tells that all that was typed before has arrived."""

LIMIT_S = 10.0


@dataclass(kw_only=True)
class Talker(Driver):
    """Echoes what is typed, as a terminal does, and says what it is told to say.

    Attributes:
        echo: Whether what is typed comes back.
        text: What it says as soon as it is opened.
        ends: Whether its stream ends behind that.
        losses: How many of the next texts lose their first character.
        breaks: Seconds of the breaks that were sent.
    """

    echo: bool = True
    text: str = ""
    ends: bool = False
    losses: int = 0
    breaks: list[float] = field(default_factory=list)
    _typed: bytes = b""
    _line: bytes = b""
    _lines: list[str] = field(default_factory=list)
    _answers: dict[str, str] = field(default_factory=dict)
    _stream: PortStream | None = None
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        self._stream = PortStream(self.take).open()
        self._stream.say(self.text.encode(), *([None] if self.ends else []))
        yield self._stream

    # What the test says

    @export
    async def say(self, text: str, after: float = 0.0) -> None:
        """Say a text, now or some seconds from now."""
        self._open_stream.say_later(after, text)

    @export
    async def say_bytes(self, text: str) -> None:
        """Say bytes, given in hexadecimal."""
        self._open_stream.say(bytes.fromhex(text))

    @export
    async def hang_up(self, after: float = 0.0) -> None:
        """End the stream, now or some seconds from now, as a port that goes with the power of its board."""
        self._open_stream.say_later(after, None)

    @export
    async def lose(self, texts: int) -> None:
        """Lose the first character of so many of the next texts."""
        self.losses = texts

    @export
    async def set_echo(self, echo: bool) -> None:
        """Let what is typed come back, or not."""
        self.echo = echo

    @export
    async def answer(self, line: str, text: str) -> None:
        """Say a text whenever a line is finished."""
        self._answers[line] = text

    @export
    async def arrived(self) -> None:
        """Wait until Ctrl-F was typed, which is no part of what is told of what was typed."""
        async with asyncio.timeout(LIMIT_S):
            await self._arrived.wait()
        self._arrived.clear()

    @export
    async def typed(self) -> str:
        """Return everything that was typed so far, and forget it."""
        typed, self._typed = self._typed.decode(errors="replace"), b""
        return typed

    @export
    async def lines(self) -> list[str]:
        """Return the lines that were finished so far, and forget them."""
        lines, self._lines = self._lines, []
        return lines

    # The port

    @property
    def _open_stream(self) -> PortStream:
        assert self._stream is not None, "the port is not open"
        return self._stream

    async def take(self, data: bytes) -> None:
        """Take what was typed."""
        if data == LAST:
            self._arrived.set()
            return
        self._typed += data
        if data.startswith(ERASE):
            self._line, data = b"", data[1:]
        if self.losses and data.strip():
            self.losses -= 1
            data = data[1:]
        self._line += data
        if self.echo:
            self._open_stream.say(data.replace(b"\n", b"\r\n"))
        *lines, self._line = self._line.split(b"\n")
        for line in (line.decode(errors="replace") for line in lines):
            self._lines.append(line)
            self._open_stream.say(self._answers.get(line, ""))


@dataclass(kw_only=True)
class BreakingTalker(Talker):
    """One that can send a break, too."""

    @export
    async def send_break(self, seconds: float) -> None:
        self.breaks.append(seconds)

    @export
    async def sent_breaks(self) -> list[float]:
        return self.breaks


@dataclass(kw_only=True, eq=False)
class LateConsole(VirtualConsole):
    """A virtual board's console whose output comes late, as over a slow line.

    Attributes:
        delay: Seconds that it is late.
    """

    delay: float

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        async with super().connect() as tap:
            yield _LateTap(tap, self.delay)


class _LateTap:
    """An open stream of it."""

    def __init__(self, tap: SharedReader, delay: float) -> None:
        self._tap, self._delay = tap, delay
        self.send, self.send_eof, self.aclose = tap.send, tap.send_eof, tap.aclose

    async def receive(self) -> bytes:
        data = await self._tap.receive()
        await asyncio.sleep(self._delay)
        return data


@dataclass(kw_only=True, eq=False)
class LateBoard(VirtualBoard):
    """A virtual board with such a console.

    Attributes:
        delay: Seconds that its output is late.
    """

    delay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        console = self.children["console"]
        assert isinstance(console, VirtualConsole)
        self.children["console"] = LateConsole(wire=console.wire, delay=self.delay)
