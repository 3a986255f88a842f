"""Byte streams inside an exporter: what drivers yield, and what the session joins to gRPC streams.

The shape is that of anyio's byte and object streams, so that drivers written for anyio fit; anyio itself is not needed.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

Error = TypeVar("Error", bound=BaseException)

CHUNK_LIMIT = 32
"""Chunks that wait between the two ends of a memory pair; a further ``send`` waits for the reader."""

SIZE_LIMIT = 2 * 1024 * 1024
"""Bytes that wait between the two ends of a memory pair, beside the latest chunk."""

READ_SIZE = 1024 * 1024
"""Bytes that one ``receive`` returns at most, and that a socket buffers on its way to a slow reader."""

CLOSE_LIMIT_S = 2.0
"""Seconds that closing a socket waits for data that the peer has not taken yet."""

_REQUIRED: Any = object()


class _StreamError(Exception):
    _anyio_name: ClassVar[str]

    def __new__(cls, *details: object) -> Self:
        return super().__new__(_also(cls, cls._anyio_name), *details)


class EndOfStream(_StreamError):
    """The far side has sent all its data. Where anyio is loaded, it is anyio's exception of that name, too."""

    _anyio_name = "EndOfStream"


class BrokenStream(_StreamError):
    """The far side is gone. Where anyio is loaded, it is anyio's ``BrokenResourceError``, too."""

    _anyio_name = "BrokenResourceError"


class ClosedStream(BrokenStream):
    """This end is closed. Where anyio is loaded, it is anyio's ``ClosedResourceError``, too."""

    _anyio_name = "ClosedResourceError"


def end_of_stream_types() -> tuple[type[BaseException], ...]:
    """Return what a driver's ``receive`` may raise at the end of data: ours, and anyio's where anyio is loaded."""
    return (EndOfStream, *_anyio_errors("EndOfStream"))


def broken_stream_types() -> tuple[type[BaseException], ...]:
    """Return what a driver's stream may raise when its far side is gone: ours, and anyio's where anyio is loaded."""
    return (BrokenStream, *_anyio_errors("BrokenResourceError", "ClosedResourceError"))


def _anyio_errors(*names: str) -> list[type[BaseException]]:
    # A driver that raises them has imported anyio; importing it here would make it a dependency of all exporters.
    found = (getattr(sys.modules.get("anyio"), name, None) for name in names)
    return [error for error in found if isinstance(error, type) and issubclass(error, BaseException)]


def _also(ours: type[Error], name: str) -> type[Error]:
    """Return an error class that is anyio's, too: code that reads streams catches what anyio's streams raise."""
    for theirs in _anyio_errors(name):
        if not issubclass(ours, theirs):
            both: type[Error] = _BOTH.get((ours, theirs)) or _join(ours, theirs)
            return both
    return ours


def _join(ours: Any, theirs: Any) -> Any:
    both = type(ours.__name__, (ours, theirs), {"__module__": ours.__module__, "__doc__": ours.__doc__})
    return _BOTH.setdefault((ours, theirs), both)


_BOTH: dict[tuple[Any, Any], Any] = {}


@runtime_checkable
class ByteStream(Protocol):
    """A stream of bytes in both directions. Where a driver speaks datagrams, one chunk is one datagram."""

    async def send(self, data: bytes) -> None:
        """Send a chunk; wait while the far side does not take it.

        Raises:
            BrokenStream: The far side is gone.
        """

    async def receive(self) -> bytes:
        """Return the next chunk, of any size.

        Raises:
            EndOfStream: The far side has sent all its data.
            BrokenStream: The far side is gone.
        """

    async def send_eof(self) -> None:
        """Say that no more data follows in this direction; the other one stays open."""

    async def aclose(self) -> None:
        """Close both directions. Further calls do nothing."""


class StreamMixin:
    """Methods of anyio's streams beyond ``send``, ``receive`` and ``aclose``, for every stream here.

    ``async for chunk in stream`` reads to the end, ``async with stream`` closes, ``extra`` knows no attributes.
    """

    async def receive(self) -> bytes:
        """Return the next chunk."""
        raise NotImplementedError(f"{type(self).__name__} gives no data.")

    async def aclose(self) -> None:
        """Close both directions."""
        raise NotImplementedError(f"{type(self).__name__} cannot be closed.")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.receive()
        except end_of_stream_types():
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Typed attributes of this stream: none."""
        return {}

    def extra(self, attribute: object, default: Any = _REQUIRED) -> Any:
        """Return the default, since there are no attributes.

        Raises:
            LookupError: There is no default.
        """
        if default is _REQUIRED:
            raise LookupError(f"{type(self).__name__} has no attribute {attribute!r}. Give a default.")
        return default


class Signal:
    """A signal that wakes all tasks that wait for a change, first come first served."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            self._waiting.remove(waiter)

    def wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)


class _Direction:
    """One direction of a memory pair."""

    def __init__(self, limit: int, size: int) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._size_limit = size
        self._limit = limit
        self._ended = False
        self._reader_closed = False
        self._broken: str | None = None
        self._data = Signal()
        self._space = Signal()

    async def put(self, chunk: bytes) -> None:
        while True:
            if self._reader_closed:
                raise BrokenStream("the other end of this stream is closed")
            if self._ended:
                raise ClosedStream("this stream's data has ended; nothing can be sent any more")
            if len(self._chunks) < self._limit and self._size < self._size_limit:
                break
            await self._space.wait()
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._data.wake()

    async def get(self) -> bytes:
        while True:
            if self._reader_closed:
                raise ClosedStream("this stream is closed")
            if self._broken is not None:
                raise BrokenStream(self._broken)
            if self._chunks:
                break
            if self._ended:
                raise EndOfStream
            await self._data.wait()
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        self._space.wake()
        return chunk

    def end(self) -> None:
        self._ended = True
        self._wake_all()

    def close_reader(self) -> None:
        self._reader_closed = True
        self._clear()
        self._wake_all()

    def break_off(self, reason: str) -> None:
        if not self._ended:
            self._broken = reason
            self._clear()
        self.end()

    def _clear(self) -> None:
        self._chunks.clear()
        self._size = 0

    def _wake_all(self) -> None:
        self._data.wake()
        self._space.wake()


class MemoryStream(StreamMixin):
    """One end of a memory pair. Chunks arrive as they were sent; empty ones too."""

    def __init__(self, incoming: _Direction, outgoing: _Direction) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    async def send(self, data: bytes) -> None:
        """Send a chunk; wait while the other end has not taken the limit's worth of earlier ones."""
        await self._outgoing.put(data)

    async def receive(self) -> bytes:
        """Return the next chunk."""
        return await self._incoming.get()

    async def send_eof(self) -> None:
        """Let the other end read what is under way, then meet the end of data."""
        self._outgoing.end()

    async def aclose(self) -> None:
        """Close this end: the other one reads what is under way and can send no more."""
        self._outgoing.end()
        self._incoming.close_reader()

    def break_off(self, reason: str) -> None:
        """Close this end so that the other one fails at its next ``receive``, unless the data had ended before.

        Args:
            reason: The text of the BrokenStream that the other end gets.
        """
        self._outgoing.break_off(reason)
        self._incoming.close_reader()


def memory_pair(limit: int = CHUNK_LIMIT, size: int = SIZE_LIMIT) -> tuple[MemoryStream, MemoryStream]:
    """Return two joined streams: what one sends, the other receives.

    Args:
        limit: Chunks that wait in each direction before ``send`` does. Default: 32.
        size: Bytes that wait in each direction before ``send`` does. Default: 2 MiB.
    """
    one, other = _Direction(limit, size), _Direction(limit, size)
    return MemoryStream(one, other), MemoryStream(other, one)


class SocketStream(StreamMixin):
    """A byte stream over an asyncio connection: TCP, unix socket, serial port."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=READ_SIZE)

    @classmethod
    async def connect_tcp(cls, host: str, port: int) -> SocketStream:
        """Connect to a TCP port.

        Raises:
            OSError: No server listens there.
        """
        return cls(*await asyncio.open_connection(host, port, limit=READ_SIZE))

    @classmethod
    async def connect_unix(cls, path: str) -> SocketStream:
        """Connect to a unix socket.

        Raises:
            OSError: No server listens there.
        """
        return cls(*await asyncio.open_unix_connection(path, limit=READ_SIZE))

    async def send(self, data: bytes) -> None:
        """Write a chunk; wait while the peer is slow to take it."""
        if self._writer.is_closing():
            raise ClosedStream("this stream is closed")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise BrokenStream(f"the connection broke while sending: {error}") from error

    async def receive(self, max_bytes: int = READ_SIZE) -> bytes:
        """Return what has arrived.

        Args:
            max_bytes: Bytes that are returned at most.
        """
        try:
            data = await self._reader.read(max_bytes)
        except OSError as error:
            raise BrokenStream(f"the connection broke while receiving: {error}") from error
        if not data:
            raise EndOfStream
        return data

    async def send_eof(self) -> None:
        """Half-close, where the transport can; elsewhere do nothing."""
        if self._writer.can_write_eof() and not self._writer.is_closing():
            with suppress(OSError):
                self._writer.write_eof()

    async def aclose(self) -> None:
        """Close the connection; data that the peer does not take within two seconds is lost."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()
        except OSError:
            # The stream is closed anyway: a reset by the peer is no error.
            pass
