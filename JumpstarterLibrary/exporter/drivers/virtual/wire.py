"""The serial wire: it carries the board's output to every open stream, and what streams send to the board.

The board never waits for a listener. Its output while no stream is open is lost, and a listener that does not read
loses the oldest bytes first.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.streams import ClosedStream, EndOfStream, StreamMixin

BACKLOG = 1024 * 1024
"""Bytes that wait for a listener who does not read."""

FIFO = 16
"""Bytes that go out in one piece at a limited baud rate, as from a UART's transmit FIFO."""

BITS_PER_BYTE = 10


class Tap(StreamMixin):
    """One open stream on the wire: every byte from its opening on."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._lost = 0
        self._closed = False
        self._change = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Take bytes from the board; beyond the backlog the oldest ones are dropped."""
        self._pieces.append(data)
        self._waiting += len(data)
        while self._waiting > self._wire.backlog:
            oldest = self._pieces.popleft()
            excess = min(self._waiting - self._wire.backlog, len(oldest))
            if excess < len(oldest):
                self._pieces.appendleft(oldest[excess:])
            self._waiting -= excess
            self._note_loss(excess)
        self._change.set()

    def _note_loss(self, lost: int) -> None:
        if not self._lost:
            self._wire.logger.warning(
                "A console stream is not read: over %d bytes wait, the oldest are dropped.", self._wire.backlog
            )
        self._lost += lost

    async def send(self, data: bytes) -> None:
        """Type on the board's console."""
        if self._closed:
            raise ClosedStream("this console stream is closed")
        self._wire.receiver(data)
        self._wire.received += len(data)

    async def receive(self) -> bytes:
        """Return everything that the board said since the last call; wait for more if there was nothing."""
        while not self._pieces:
            if self._closed:
                raise EndOfStream
            self._change.clear()
            await self._change.wait()
        if self._lost:
            self._wire.logger.warning("A console stream was not read in time: %d bytes were dropped.", self._lost)
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = self._lost = 0
        return data

    async def send_eof(self) -> None:
        """Do nothing: a serial port has no end of data."""

    async def aclose(self) -> None:
        """Leave the wire."""
        self.hang_up()

    def hang_up(self) -> None:
        """End the stream after what is waiting in it."""
        self._closed = True
        self._wire.forget(self)
        self._change.set()


class Wire:
    """The board's end of the wire, and its listeners.

    Args:
        clock: The board's time.
        logger: Where lost bytes are reported.
        baudrate: Bits per board second; 0 sends at once.
        backlog: Bytes that wait for a listener who does not read.

    Attributes:
        receiver: Called with what a listener types.
        received: Bytes that listeners have typed so far.
        transmitted: Bytes that the board has said so far.
    """

    def __init__(self, clock: Clock, logger: logging.Logger, *, baudrate: int = 0, backlog: int = BACKLOG) -> None:
        if baudrate < 0:
            raise ValueError(f"The console's baudrate must be 0 (unlimited) or above, not {baudrate}.")
        self.logger = logger
        self.backlog = backlog
        self.receiver: Callable[[bytes], None] = lambda _: None
        self.received = 0
        self.transmitted = 0
        self._clock = clock
        self._byte_time = BITS_PER_BYTE / baudrate if baudrate else 0.0
        self._free_at = 0.0
        self._taps: list[Tap] = []

    def open(self) -> Tap:
        """Return a new stream that hears everything from now on."""
        tap = Tap(self)
        self._taps.append(tap)
        return tap

    def forget(self, tap: Tap) -> None:
        """Let a closed stream go."""
        if tap in self._taps:
            self._taps.remove(tap)

    def hang_up(self) -> None:
        """End every open stream."""
        for tap in list(self._taps):
            tap.hang_up()

    def put(self, data: bytes) -> None:
        """Send bytes in one piece, as a kernel does that spins on the UART. The next `write` waits for their time."""
        self._free_at = max(self._free_at, self._clock.now()) + len(data) * self._byte_time
        self.transmitted += len(data)
        for tap in self._taps:
            tap.put(data)

    async def pace(self) -> None:
        """Wait until what was sent is out; without a baud rate, just let others run."""
        await self._clock.sleep_until(self._free_at if self._byte_time else 0.0)

    async def write(self, data: bytes) -> None:
        """Send bytes at the baud rate, in pieces between which others may speak."""
        step = FIFO if self._byte_time else len(data) or 1
        for start in range(0, len(data), step):
            self.put(data[start : start + step])
            await self.pace()
