"""The double of a serial port: a stream whose other end is in the test's hands.

Unit tests and acceptance tests share it; the drivers that open it are in ``utest/client/serial_port.py`` and
``atest/libraries/console_drivers.py``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from JumpstarterLibrary.exporter import EndOfStream

Chunk = bytes | str | None
"""What the port says: line ends of a text are those of terminals, and None ends the stream."""


class PortStream:
    """The stream of a serial port, for a driver to yield.

    Args:
        take: Called with what is typed.

    Attributes:
        taken: Bytes that were typed and taken.
        said: Bytes that the port has said, also those that are still on their way.
        ended: Whether the port has ended the stream.
    """

    def __init__(self, take: Callable[[bytes], Awaitable[None]]) -> None:
        self.taken = self.said = 0
        self.ended = False
        self._take = take
        self._says: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def open(self) -> PortStream:
        """Return the stream, open on the running event loop, once more if it was open before."""
        self._loop = asyncio.get_running_loop()
        self.ended = False
        return self

    def say(self, *chunks: Chunk) -> None:
        """Say something now, from any thread, each chunk in a frame of its own."""
        assert self._loop is not None, "the port is not open"
        for chunk in chunks:
            data = chunk.replace("\n", "\r\n").encode() if isinstance(chunk, str) else chunk
            if data == b"":
                continue
            with self._lock:
                self.said += len(data or b"")
                self.ended = self.ended or data is None
            self._loop.call_soon_threadsafe(self._says.put_nowait, data)

    def say_later(self, seconds: float, chunk: Chunk) -> None:
        """Say something some seconds from now; to be called on the event loop."""
        asyncio.get_running_loop().call_later(seconds, self.say, chunk)

    @property
    def traffic(self) -> tuple[int, int]:
        """What was taken and what was said, at one moment."""
        with self._lock:
            return self.taken, self.said

    async def send(self, data: bytes) -> None:
        """Take what was typed."""
        await self._take(data)
        with self._lock:
            self.taken += len(data)

    async def receive(self) -> bytes:
        """Return the next chunk that the port says."""
        chunk = await self._says.get()
        if chunk is None:
            raise EndOfStream("the port is gone")
        return chunk

    async def send_eof(self) -> None:
        """Take no notice of the end of what is typed: a serial port has none."""

    async def aclose(self) -> None:
        """Take no notice of the close: the port may be opened again."""
