"""A byte stream that is opened once and read by many: the stream of a serial port, for all clients of an exporter."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from JumpstarterLibrary.exporter.readers import BACKLOG, ReaderGroup, SharedReader
from JumpstarterLibrary.exporter.streams import BrokenStream, ByteStream, EndOfStream

PATIENCE_S = 2.0
"""Seconds for which one reader that takes nothing may hold up the others, until it has caught up again."""


class ExclusiveStream(ByteStream, Protocol):
    """A byte stream of something that only one process may read."""

    def close_now(self) -> None:
        """Close both directions, for callers that cannot await."""


class SharedStream:
    """Opens a stream for the first reader, and closes it after the last one.

    A single reader sets the pace, and loses nothing: the far side waits for it. Of several readers, each may hold up
    the others for two seconds; then it loses what it does not take.

    Args:
        open_stream: Opens the far side.
        title: The far side, for messages.
        logger: The log of refusals and of bytes that were dropped.
        limit: Bytes that wait for the slowest reader. Default: 4 MiB.
        patience: Seconds for which a reader may hold up the others. Default: 2.
    """

    def __init__(
        self,
        open_stream: Callable[[], ExclusiveStream],
        title: str,
        logger: logging.Logger,
        *,
        limit: int = BACKLOG,
        patience: float = PATIENCE_S,
    ) -> None:
        self._open_stream = open_stream
        self._title = title
        self._logger = logger
        self._limit = limit
        self._patience = patience
        self._opening: _Opening | None = None

    @asynccontextmanager
    async def join(self) -> AsyncIterator[SharedReader]:
        """Yield the stream of a new reader; the far side is opened if it is not open.

        Raises:
            Exception: What opening the far side raised.
            RuntimeError: There are too many readers.
        """
        opening = self._opening
        if opening is None or opening.group.ended or opening.loop is not asyncio.get_running_loop():
            opening = self._opening = _Opening(
                self._open_stream(), self._title, self._logger, self._limit, self._patience
            )
        try:
            reader = opening.group.join()
            try:
                yield reader
            finally:
                reader.hang_up()
        finally:
            if not opening.group.readers:
                if self._opening is opening:
                    self._opening = None
                await opening.close()

    def close(self, timeout: float) -> None:
        """End the streams of all readers, from any thread.

        Args:
            timeout: Seconds to wait for the far side, if this is not its event loop.

        Raises:
            TimeoutError: The far side does not close.
        """
        opening = self._opening
        if opening is None:
            return
        if _running_loop() is opening.loop:
            opening.far.close_now()
            opening.group.end()
        else:
            asyncio.run_coroutine_threadsafe(opening.close(), opening.loop).result(timeout)

    def take_over(self) -> str | None:
        """Let the next other client that types be the writer; return the present one, or None if there is none."""
        return self._opening.group.take_over() if self._opening is not None else None


class _Opening:
    """The far side from its opening to its end, and its readers."""

    def __init__(self, far: ExclusiveStream, title: str, logger: logging.Logger, limit: int, patience: float) -> None:
        self.far = far
        self.loop = asyncio.get_running_loop()
        self.group = ReaderGroup(title, logger, far.send, far.send_eof, limit)
        self._limit = limit
        self._patience = patience
        self._held_up: dict[SharedReader, float] = {}
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Close the far side; the readers receive what waits for them, and then the end."""
        try:
            await self.far.aclose()
        finally:
            self.group.end(self.group.failure)
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _read(self) -> None:
        failure = "the exporter stopped reading it"
        try:
            while True:
                await self._wait_for_room()
                self.group.put(await self.far.receive())
        except EndOfStream:
            failure = ""
        except BrokenStream as error:
            failure = str(error)
        finally:
            if not self.group.ended:
                self.group.end(failure or None)

    async def _wait_for_room(self) -> None:
        """Wait while readers hold up the far side: all of them, or one that has not used up its patience yet."""
        while not self.group.ended:
            readers = self.group.readers
            self._held_up = {reader: held for reader, held in self._held_up.items() if reader.lag and reader in readers}
            full = [reader for reader in readers if reader.lag >= self._limit]
            patient = [reader for reader in full if self._held_up.get(reader, 0.0) < self._patience]
            if full and len(full) == len(readers):
                await self.group.room.wait()
            elif patient:
                await self._wait_for(patient)
            else:
                return

    async def _wait_for(self, slow: list[SharedReader]) -> None:
        """Wait until a reader has received something, or one of these has used up its patience."""
        begin = self.loop.time()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience - max(self._held_up.get(reader, 0.0) for reader in slow)):
                await self.group.room.wait()
        waited = self.loop.time() - begin
        for reader in slow:
            self._held_up[reader] = self._held_up.get(reader, 0.0) + waited


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
