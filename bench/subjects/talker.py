"""A serial port that says very much, or one line at a time, in an exporter of ours."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from serve import serve

from JumpstarterLibrary.exporter import Driver, exportstream
from JumpstarterLibrary.exporter import serve as serve_driver
from JumpstarterLibrary.exporter.drivers.composite import Composite

CHUNK = 64 * 1024
END = b"needle 4711 is here\r\n"
"""What ends a flood."""

PAUSE_S = 0.02


def block() -> bytes:
    """Return a piece of a console's output that is like what boards say, in lines of different lengths."""
    dice = random.Random(1)
    words = ("usb", "eth0:", "link", "is", "up", "1-1.2", "registered", "as", "0x1a200000", "mmcblk0", "[drm]", "ready")
    lines = bytearray()
    while len(lines) < CHUNK:
        text = " ".join(dice.choices(words, k=dice.randint(3, 14)))
        lines += f"[{len(lines) / 5000:12.6f}] {text}\r\n".encode()
    return bytes(lines[: CHUNK - 2]) + b"\r\n"


class Line:
    """One open stream: answers ``flood N`` with N bytes and a last line, ``ping`` with when it was said.

    Attributes:
        hash: Of everything that the last flood sent.
    """

    def __init__(self, piece: bytes) -> None:
        self.hash = hashlib.sha256()
        self._piece = piece
        self._left = 0
        self._pinged = False
        self._told = asyncio.Event()

    async def send(self, data: bytes) -> None:
        what, _, number = data.decode().partition(" ")
        if what == "flood":
            self.hash = hashlib.sha256()
            self._left = int(number)
        else:
            self._pinged = True
        self._told.set()

    async def receive(self) -> bytes:
        while not self._left and not self._pinged:
            self._told.clear()
            await self._told.wait()
        if self._pinged:
            self._pinged = False
            await asyncio.sleep(random.random() * PAUSE_S)
            return b"pong %.9f\r\n" % time.monotonic()
        data = self._piece if self._left > CHUNK else self._piece[: self._left - 1] + b"\n" + END
        self._left = max(0, self._left - CHUNK)
        self.hash.update(data)
        return data

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class Talker(Driver):
    """A serial port; each stream of it is a line of its own.

    Attributes:
        last: The line that was opened last.
    """

    last: Line | None = None

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Line]:
        self.last = Line(block())
        yield self.last


class Exporter:
    """The exporter, in a process of its own."""

    def __init__(self, _folder: str) -> None:
        self._talker = Talker()
        self._stack = ExitStack()

    def start(self) -> str:
        """Serve the port and return where."""
        return self._stack.enter_context(serve_driver(Composite(children={"console": self._talker}), grace=0)).host

    def sha256(self) -> str:
        """Return the hash of everything that the last flood sent."""
        return self._talker.last.hash.hexdigest() if self._talker.last else ""


if __name__ == "__main__":
    serve(Exporter)
