"""The driver of the double of a serial port, for tests of the client; and whether anything is on its way on a line."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from JumpstarterLibrary.client import Console
from JumpstarterLibrary.exporter import Driver, exportstream
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from scripts.serial_port import Chunk, PortStream

Answer = Callable[[bytes], bytes]

ARRIVAL_S = 30.0
"""How long bytes may be on their way; real seconds."""


class Traffic:
    """What is on its way between a console and the other end of its line.

    Args:
        console: The console.
        other_end: Returns how many bytes the other end has taken and said; None while it is going to say more.
    """

    def __init__(self, console: Console, other_end: Callable[[], tuple[int, int] | None]) -> None:
        self._console = console
        self._other_end = other_end
        self._before: object = None
        self._since = 0.0

    def at_rest(self) -> bool:
        """Whether the other end has taken and answered all that was typed, and the console has heard all of it.

        Raises:
            AssertionError: Something is on its way, and nothing of it has arrived for 30 seconds.
        """
        ours = self._console.sent, self._console.heard
        theirs = self._other_end()
        if ours == theirs:
            self._before = None
            return True
        if self._before != (ours, theirs):
            self._before, self._since = (ours, theirs), time.monotonic()
        assert time.monotonic() < self._since + ARRIVAL_S, f"sent, heard: {ours}; taken, said: {theirs}"
        return False


traffic: list[Traffic] = []
"""That of all lines of the test."""


def all_at_rest() -> bool:
    """Whether nothing is on its way on any line of the test."""
    for port in Port.opened:
        assert port.watched, "a port does not know which console is open on it; see Port.watch"
    return all(each.at_rest() for each in traffic)


def forget_all() -> None:
    """Forget the lines of the test."""
    Port.opened.clear()
    traffic.clear()


def watch_board(board: VirtualBoard, console: Console) -> None:
    """Look whether anything is on its way between a virtual board and its console, opened before it was switched on."""
    machine = board.machine

    def other_end() -> tuple[int, int] | None:
        taken = machine.wire.received
        # Then only, since what is taken may be answered.
        return (taken, machine.wire.transmitted) if machine.at_rest else None

    traffic.append(Traffic(console, other_end))


class Port(Driver):
    """A serial port.

    Args:
        answer: Called with what is typed; returns what the port says then.

    Attributes:
        answer: As given.
        got: All that was typed.
        closed: Set when its stream was closed.
        opened: The ports that the test has opened.
        watched: Whether the port knows which console is open on it.
    """

    opened: ClassVar[list[Port]] = []

    def __init__(self, answer: Answer = lambda _data: b"") -> None:
        super().__init__()
        self.answer = answer
        self.got = bytearray()
        self.closed = threading.Event()
        self.watched = False
        self._stream = PortStream(self._take)

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        stream = self._stream.open()
        self.opened.append(self)
        self.begin()
        try:
            yield stream
        finally:
            self.closed.set()

    def begin(self) -> None:
        """Do what a board does when its console is opened: nothing."""

    async def take(self, data: bytes) -> None:
        """Take what was typed, and answer."""
        self.say(self.answer(data))

    def say(self, *chunks: Chunk) -> None:
        """Say something; see ``PortStream.say``."""
        self._stream.say(*chunks)

    def watch(self, console: Console) -> None:
        """Look whether anything is on its way between the port and a console that is open on it."""

        def other_end() -> tuple[int, int] | None:
            return None if self._stream.ended and not console.gone else self._stream.traffic

        self.watched = True
        traffic.append(Traffic(console, other_end))

    async def _take(self, data: bytes) -> None:
        self.got += data
        await self.take(data)
