"""A file whose blocking calls run in a thread, so that a slow disk does not hold up the exporter."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import IO, Literal, Protocol, Self

from JumpstarterLibrary.exporter.workers import WorkerPool

BATCH_SIZE = 1024 * 1024
"""Bytes that travel between the event loop and the file's thread at a time."""


class Openable(Protocol):
    """A file that is not open yet: a path, for one."""

    def open(self, mode: str, /) -> IO[bytes]:
        """Open it."""


class Sink(Protocol):
    """The destination of a file's content."""

    async def send(self, data: bytes) -> None:
        """Take the next data, or wait until it can be taken."""


class BackgroundFile:
    """A file with one thread, which runs all its calls in their order.

    A call that is cancelled leaves at once, but what it began in the thread still runs to its end, before anything
    that is asked later. After a cancelled ``write_from`` the file thus holds a prefix of the data, and nothing changes
    it any more once it is closed.

    Args:
        path: The file.
        mode: ``rb``, or ``wb`` to empty or make it first.
    """

    def __init__(self, path: Path | Openable, mode: Literal["rb", "wb"]) -> None:
        self._path = path
        self._mode = mode
        self._file: IO[bytes] | None = None
        self._closing = False
        self._workers = WorkerPool(limit=1, name="file")

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield everything from the file's position to its end."""
        while chunk := await self._workers.run(self._opened().read, BATCH_SIZE):
            yield chunk

    async def open(self) -> None:
        """Open the file.

        Raises:
            OSError: It cannot be opened.
        """
        try:
            await self._workers.run(self._open)
        except BaseException:
            # A caller who was cancelled gets no file to close, yet the thread may have opened it.
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was begun and close the file. A second close does nothing."""
        if self._closing:
            return
        self._closing = True
        try:
            await self._workers.run(self._close)
        except asyncio.CancelledError:
            # It may not have reached the thread.
            self._close()
            raise
        finally:
            self._workers.close()

    def close_now(self) -> None:
        """Close the file at once, for callers that cannot await; a write that is under way ends first."""
        self._closing = True
        self._workers.close()
        self._close()

    @property
    def closed(self) -> bool:
        """Whether the file is not open, or not open any more."""
        return self._file is None or self._file.closed

    async def write_from(self, source: AsyncIterable[bytes]) -> int:
        """Write all that a source yields, at the file's position. If that ends early, what has come is written.

        Returns:
            The number of bytes.

        Raises:
            OSError: The file does not take it, for example because the disk is full.
        """
        batch, total = bytearray(), 0
        try:
            async for chunk in source:
                total += len(chunk)
                batch += chunk
                if len(batch) >= BATCH_SIZE:
                    full, batch = batch, bytearray()
                    await self._workers.run(self._opened().write, full)
        finally:
            await self._workers.run(self._write_last, batch)
        return total

    async def read_into(self, sink: Sink) -> int:
        """Send everything from the file's position to its end to a sink.

        Returns:
            The number of bytes.
        """
        total = 0
        async for chunk in self:
            await sink.send(chunk)
            total += len(chunk)
        return total

    async def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        """Set the position and return it."""
        return await self._workers.run(self._opened().seek, position, whence)

    async def tell(self) -> int:
        """Return the position."""
        return await self._workers.run(self._opened().tell)

    def _open(self) -> None:
        self._file = self._path.open(self._mode)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write_last(self, batch: bytearray) -> None:
        self._opened().write(batch)
        self._opened().flush()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError(f"{self._path} is not open")
        return self._file
