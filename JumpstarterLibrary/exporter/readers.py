"""Many readers of one source of bytes, such as a serial port: each gets every byte, and one of them may write.

Memory is bounded by bytes: all readers share one backlog. A reader that falls behind it is told how many bytes it has
missed, in the stream itself, so that every client sees it where it happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from JumpstarterLibrary.exporter.callers import Caller, current_caller
from JumpstarterLibrary.exporter.streams import READ_SIZE, BrokenStream, ClosedStream, EndOfStream, Signal, StreamMixin

HISTORY = 64 * 1024
"""Bytes from before its opening that a reader gets which joins others."""

BACKLOG = 4 * 1024 * 1024
"""Bytes that wait for the slowest reader; older ones are dropped."""

READER_LIMIT = 64
"""Readers of one source; a further one is refused."""

NOTICE_PAUSE_S = 5.0
"""Seconds between two notices to one reader about bytes of its own that were not sent."""


class Backlog:
    """The last bytes of a source, by their offsets from its beginning.

    Args:
        limit: Bytes that are kept at most, beside the latest piece.
    """

    def __init__(self, limit: int) -> None:
        self.start = 0
        self._limit = limit
        self._data = bytearray()

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.start + len(self._data)

    def append(self, data: bytes) -> None:
        """Add a piece; the oldest bytes beyond the limit go."""
        self.forget(self.end - self._limit)
        self._data += data

    def forget(self, before: int) -> None:
        """Drop the bytes before an offset."""
        count = min(before - self.start, len(self._data))
        if count > 0:
            del self._data[:count]
            self.start += count

    def since(self, offset: int, limit: int) -> bytes:
        """Return bytes from an offset on that is not forgotten."""
        begin = offset - self.start
        return bytes(self._data[begin : begin + limit])


class SharedReader(StreamMixin):
    """The stream of one reader. It writes as well, unless another one does.

    Attributes:
        caller: The client.
    """

    def __init__(self, group: ReaderGroup, caller: Caller, offset: int) -> None:
        self.caller = caller
        self._group = group
        self._offset = offset
        self._task = _current_task()
        self._notices: deque[bytes] = deque(maxlen=2)
        self._next_notice = 0.0
        self._closed = False

    @property
    def gone(self) -> bool:
        """Whether the client has ended the stream; its RPC winds up."""
        return self._closed or (self._task is not None and self._task.cancelling() > 0)

    @property
    def lag(self) -> int:
        """Bytes that wait for this reader."""
        return self._group.backlog.end - self._offset

    async def send(self, data: bytes) -> None:
        """Send bytes to the source. If another client writes to it, they are dropped, and the reader is told so.

        Raises:
            BrokenStream: The source is gone, or this stream is closed.
        """
        if self._closed or self._group.ended:
            raise ClosedStream("this console stream is closed")
        if data and self._group.may_write(self):
            await self._group.write(data)

    async def receive(self) -> bytes:
        """Return the bytes that wait, at most 1 MiB; wait for more if there are none.

        Raises:
            EndOfStream: The source has ended, and everything was received; or this stream is closed.
            BrokenStream: The source has failed, and everything was received.
        """
        while not self._closed:
            if self._offset < self._group.backlog.start:
                self._tell_gap()
            if self._notices:
                return self._notices.popleft()
            if data := self._group.backlog.since(self._offset, READ_SIZE):
                self._offset += len(data)
                self._group.room.wake()
                return data
            if self._group.failure is not None:
                raise BrokenStream(self._group.failure)
            if self._group.ended:
                raise EndOfStream
            await self._group.data.wait()
        raise EndOfStream

    async def send_eof(self) -> None:
        """Give up the right to write; serial lines have no end of data."""
        self._group.give_up(self)
        await self._group.half_close()

    async def aclose(self) -> None:
        """Leave the group."""
        self.hang_up()

    def hang_up(self) -> None:
        """End the stream at once; what waits in it is lost."""
        self._closed = True
        self._group.remove(self)
        self._group.data.wake()

    def tell_refused(self, reason: str) -> None:
        """Tell the reader, in its stream, that bytes of its own were not sent, and why; not for each piece of them."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_notice:
            self._next_notice = now + NOTICE_PAUSE_S
            self._notices.append(_notice(f"not sent: {reason}"))
            self._group.data.wake()

    def _tell_gap(self) -> None:
        lost = self._group.backlog.start - self._offset
        self._offset = self._group.backlog.start
        self._group.logger.warning(
            "A console stream was not read in time: %d bytes of %s were dropped for %s.",
            lost,
            self._group.title,
            self.caller,
        )
        self._notices.append(_notice(f"{lost} bytes are missing here, since this client read too slowly"))


class ReaderGroup:
    """The readers of one source, from its opening to its end.

    Args:
        title: The source, for messages.
        logger: The log of refusals and of bytes that were dropped.
        write: Sends bytes to the source, called for one piece at a time.
        half_close: Called when the only reader has no more data to send.
        limit: Bytes that wait for the slowest reader. Default: 4 MiB.

    Attributes:
        backlog: The last bytes of the source.
        readers: The readers, in the order in which they came.
        ended: Whether no more bytes come.
        failure: Why the source broke; None if it did not.
        data: Woken when there is something to receive.
        room: Woken when a reader has received something, or left.
    """

    def __init__(
        self,
        title: str,
        logger: logging.Logger,
        write: Callable[[bytes], Awaitable[None]],
        half_close: Callable[[], Awaitable[None]] | None = None,
        limit: int = BACKLOG,
    ) -> None:
        self.title = title
        self.logger = logger
        self.backlog = Backlog(limit)
        self.readers: list[SharedReader] = []
        self.ended = False
        self.failure: str | None = None
        self.data = Signal()
        self.room = Signal()
        self._write = write
        self._half_close = half_close
        self._writer: SharedReader | None = None
        self._dispossessed: SharedReader | None = None
        self._sending = asyncio.Lock()

    def join(self) -> SharedReader:
        """Return a new reader, for the client that the running code serves.

        It gets the last 64 KiB first, if another client reads; otherwise what comes from now on.

        Raises:
            RuntimeError: There are too many readers.
        """
        caller = current_caller()
        present = [reader for reader in self.readers if not reader.gone]
        if len(present) >= READER_LIMIT:
            raise RuntimeError(
                f"{self.title} has {READER_LIMIT} readers already, the first of them {present[0].caller}. "
                "Close streams that are not needed."
            )
        joins = bool(present) and not any(caller.is_client_of(reader.caller) for reader in present)
        end = self.backlog.end
        reader = SharedReader(self, caller, max(self.backlog.start, end - HISTORY) if joins else end)
        self.readers.append(reader)
        return reader

    def remove(self, reader: SharedReader) -> None:
        """Forget a reader; a second time does nothing."""
        if reader in self.readers:
            self.readers.remove(reader)
        self.give_up(reader)
        self.room.wake()

    def put(self, data: bytes) -> None:
        """Give bytes of the source to all readers."""
        self.backlog.append(data)
        needed = [self.backlog.end - HISTORY, *(self.backlog.end - reader.lag for reader in self.readers)]
        self.backlog.forget(min(needed))
        self.data.wake()

    def end(self, failure: str | None = None) -> None:
        """End the streams of all readers, when they have received what waits.

        Args:
            failure: Why the source broke. Default: it has ended in order.
        """
        self.ended, self.failure = True, failure
        self.data.wake()
        self.room.wake()

    def may_write(self, reader: SharedReader) -> bool:
        """Return whether a reader may write, and make it the writer if there is none. One that may not is told why."""
        writer = self._writer
        if writer is not None and not writer.gone and not reader.caller.is_client_of(writer.caller):
            if writer is not reader:
                self._refuse(
                    reader,
                    f"{writer.caller} types on {self.title}. Wait until that stream is closed, or call 'take_over'.",
                )
            return writer is reader
        if reader is self._dispossessed and len(self.readers) > 1:
            self._refuse(reader, f"another client has taken over {self.title}. Call 'take_over' to type again.")
            return False
        if writer is not reader:
            self.logger.debug("%s types on %s", reader.caller, self.title)
        self._writer, self._dispossessed = reader, None
        return True

    def _refuse(self, reader: SharedReader, reason: str) -> None:
        self.logger.warning("What %s typed was not sent: %s", reader.caller, reason)
        reader.tell_refused(reason)

    async def write(self, data: bytes) -> None:
        """Send bytes of the writer, behind those that are being sent.

        Raises:
            BrokenStream: The source is gone.
        """
        async with self._sending:
            await self._write(data)

    async def half_close(self) -> None:
        """Tell the source that no more data follows, if its only reader says so."""
        if self._half_close is not None and len(self.readers) <= 1:
            await self._half_close()

    def give_up(self, reader: SharedReader) -> None:
        """Let another reader write, if this one did."""
        if self._writer is reader:
            self._writer = None
        if self._dispossessed is reader:
            self._dispossessed = None

    def take_over(self) -> str | None:
        """Let the next other client that types be the writer.

        Returns:
            The client that was the writer; None if there was none.
        """
        writer = self._writer
        if writer is None or writer.gone:
            return None
        self._writer, self._dispossessed = None, writer
        self.logger.warning("%s may type on %s no more: another client takes over.", writer.caller, self.title)
        return str(writer.caller)


def _notice(text: str) -> bytes:
    return f"\r\n[jumpstarter: {text}]\r\n".encode()


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        # No event loop runs: a test, or a driver at its start.
        return None
