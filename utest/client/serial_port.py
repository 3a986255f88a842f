"""The double of a serial port: its other end is in the test's hands, and it tells when nothing is on its way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from JumpstarterLibrary.client import Console
from JumpstarterLibrary.exporter import Driver, EndOfStream, exportstream

Answer = Callable[[bytes], bytes]

REST_S = 10.0
"""How long bytes may be on their way; real seconds."""


class Port(Driver):
    """A serial port.

    Args:
        answer: Called with what is typed; returns what the port says then.

    Attributes:
        answer: As given.
        got: All that was typed.
        closed: Set when its stream was closed.
        opened: The ports that were opened since the list was cleared.
    """

    opened: ClassVar[list[Port]] = []

    def __init__(self, answer: Answer = lambda _data: b"") -> None:
        super().__init__()
        self.answer = answer
        self.got = bytearray()
        self.closed = threading.Event()
        self._says: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._console: Console | None = None
        self._lock = threading.Lock()
        self._said = self._taken = 0
        self._ends = False
        self._moved = (0, 0)
        self._since = 0.0

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        self._loop = asyncio.get_running_loop()
        self._ends = False
        self.opened.append(self)
        self.begin()
        try:
            yield _Stream(self)
        finally:
            self.closed.set()

    def begin(self) -> None:
        """Do what a board does when its console is opened: nothing."""

    async def take(self, data: bytes) -> None:
        """Take what was typed, and answer."""
        self.say(self.answer(data))

    def say(self, *chunks: bytes | str | None) -> None:
        """Say something, now, each chunk in a frame of its own; line ends of a text as terminals have them.

        None ends the stream.
        """
        assert self._loop is not None, "nobody has opened the console"
        for chunk in chunks:
            data = chunk.replace("\n", "\r\n").encode() if isinstance(chunk, str) else chunk
            if data == b"":
                continue
            with self._lock:
                self._said += len(data or b"")
                self._ends = self._ends or data is None
            self._loop.call_soon_threadsafe(self._says.put_nowait, data)

    # Whether anything is on its way

    def watch(self, console: Console) -> None:
        """Learn which console is open on the port."""
        self._console = console

    def at_rest(self) -> bool:
        """Whether the port has taken and answered all that was typed, and the console has heard all that was said.

        Raises:
            AssertionError: Bytes have been on their way for 10 seconds, and none of them arrives.
        """
        assert self._console is not None, "the port does not know which console is open on it; see Port.watch"
        sent, heard = self._console.sent, self._console.heard
        # What was typed first: once it is taken, the answer is counted.
        with self._lock:
            taken, said, ends = self._taken, self._said, self._ends
        if (taken, said) == (sent, heard) and (not ends or self._console.gone):
            self._since = 0.0
            return True
        if not self._since or self._moved != (taken, heard):
            self._since, self._moved = time.monotonic(), (taken, heard)
        assert time.monotonic() < self._since + REST_S, (
            f"{sent} bytes were sent and {taken} of them taken; {said} bytes were said and {heard} of them heard"
        )
        return False

    @classmethod
    def all_at_rest(cls) -> bool:
        """Whether each port that was opened is at rest."""
        return all(port.at_rest() for port in cls.opened)


class _Stream:
    """A stream that is open on a port."""

    def __init__(self, port: Port) -> None:
        self._port = port

    async def send(self, data: bytes) -> None:
        self._port.got += data
        await self._port.take(data)
        with self._port._lock:
            self._port._taken += len(data)

    async def receive(self) -> bytes:
        chunk = await self._port._says.get()
        if chunk is None:
            raise EndOfStream
        return chunk

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass
