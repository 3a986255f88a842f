"""The serial wire: it carries the board's output to every open stream, and what one of them sends to the board.

The board never waits for a listener. Its output while no stream is open is lost, and a listener that does not read
loses the oldest bytes first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.readers import ReaderGroup, SharedReader

BACKLOG = 1024 * 1024
"""Bytes that wait for a listener who does not read."""

FIFO = 16
"""Bytes that go out in one piece at a limited baud rate, as from a UART's transmit FIFO."""

BITS_PER_BYTE = 10


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
        self._listeners = self._new_group()

    def open(self) -> SharedReader:
        """Return a new stream that hears everything from now on, and first the last 64 KiB if others listen."""
        return self._listeners.join()

    def hang_up(self) -> None:
        """End every open stream, after what waits in it."""
        self._listeners.end()
        self._listeners = self._new_group()

    def take_over(self) -> str | None:
        """Let another client type than the one that does, and return that one; None if there was none."""
        return self._listeners.take_over()

    def put(self, data: bytes) -> None:
        """Send bytes in one piece, as a kernel does that spins on the UART. The next `write` waits for their time."""
        self._free_at = max(self._free_at, self._clock.now()) + len(data) * self._byte_time
        self.transmitted += len(data)
        if self._listeners.readers:
            self._listeners.put(data)

    async def pace(self) -> None:
        """Wait until what was sent is out; without a baud rate, just let others run."""
        await self._clock.sleep_until(self._free_at if self._byte_time else 0.0)

    async def write(self, data: bytes) -> None:
        """Send bytes at the baud rate, in pieces between which others may speak."""
        step = FIFO if self._byte_time else len(data) or 1
        for start in range(0, len(data), step):
            self.put(data[start : start + step])
            await self.pace()

    def _new_group(self) -> ReaderGroup:
        return ReaderGroup("the board's console", self.logger, self._type, limit=self.backlog)

    async def _type(self, data: bytes) -> None:
        self.receiver(data)
        self.received += len(data)
