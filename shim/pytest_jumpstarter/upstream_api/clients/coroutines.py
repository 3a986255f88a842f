"""Calls and streams of the synchronous client core, for coroutines. It needs anyio."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread
from anyio.from_thread import BlockingPortal

from JumpstarterLibrary.client import ByteStream, DriverProxy
from JumpstarterLibrary.client.pending import PendingCall
from JumpstarterLibrary.client.sink import DownloadSink
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.client.stream import FRAME
from JumpstarterLibrary.client.transfers import ResourceTransfer
from JumpstarterLibrary.errors import InfrastructureError, TransferError
from JumpstarterLibrary.types import Compression
from pytest_jumpstarter.upstream_api.clients.endings import broken, end_of_data
from pytest_jumpstarter.upstream_api.clients.trouble import as_driver_error
from pytest_jumpstarter.upstream_api.config.threads import opening

Result = TypeVar("Result")

_END = object()


async def in_thread(function: Callable[..., Result], *args: object) -> Result:
    """Run a function in a thread; if this is cancelled, it goes on there unheeded, and the caller has to end it."""
    # A limiter of its own: anyio's common one would let forty waiting calls hold up all others.
    limiter = anyio.CapacityLimiter(math.inf)
    return await anyio.to_thread.run_sync(function, *args, abandon_on_cancel=True, limiter=limiter)


async def call(proxy: DriverProxy, method: str, args: tuple[object, ...]) -> Any:
    """Call a method of a driver; cancelled on the exporter if this is cancelled."""
    work = _Call(proxy, method, args)
    try:
        with as_driver_error():
            return await in_thread(work.run)
    finally:
        work.cancel()


class _Call:
    """A call in a thread, which can be cancelled before it has begun, and later."""

    def __init__(self, proxy: DriverProxy, method: str, args: tuple[object, ...]) -> None:
        self._proxy, self._method, self._args = proxy, method, args
        self._lock = threading.Lock()
        self._pending: PendingCall | None = None
        self._unwanted = False

    def run(self) -> Any:
        pending = self._proxy.begin(self._method, *self._args)
        with self._lock:
            self._pending = pending
            unwanted = self._unwanted
        if unwanted:
            pending.cancel()
        return pending.result()

    def cancel(self) -> None:
        with self._lock:
            self._unwanted = True
            pending = self._pending
        if pending is not None:
            pending.cancel()


async def results(proxy: DriverProxy, method: str, args: tuple[object, ...]) -> AsyncGenerator[Any, None]:
    """Call a streaming method of a driver and yield its results; cancelled on the exporter when left early."""
    with as_driver_error():
        stream = await opening(lambda: proxy.streamingcall(method, *args), lambda stream: stream.close(), in_thread)
        with stream:
            while (item := await in_thread(next, stream, _END)) is not _END:
                yield item


class DriverByteStream(anyio.abc.ObjectStream[bytes]):
    """A byte stream of a driver as a stream of anyio's.

    Args:
        stream: The stream of the client core.
        extra: Extra attributes, as anyio has them.
    """

    def __init__(self, stream: ByteStream, extra: Mapping[Any, Callable[[], Any]] | None = None) -> None:
        self._stream = stream
        self._extra = extra or {}
        self._new = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        stream.watch(self._wake)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the event loop is over, and no task waits any more
            self._loop.call_soon_threadsafe(self._new.set)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return the next bytes.

        Raises:
            anyio.EndOfStream: There are no more.
            anyio.BrokenResourceError: The stream broke.
        """
        await anyio.lowlevel.checkpoint()
        while True:
            self._new.clear()
            try:
                data = self._stream.poll(max_bytes)
            except InfrastructureError as error:
                raise broken(error) from error.__cause__
            if data is None:
                await self._new.wait()
            elif data:
                return data
            else:
                raise end_of_data()

    async def send(self, item: bytes) -> None:
        """Send bytes, and wait while the far side takes none.

        Raises:
            anyio.BrokenResourceError: The stream is over.
        """
        try:
            await in_thread(self._stream.send, bytes(item))
        except InfrastructureError as error:
            raise broken(error) from error.__cause__

    async def send_eof(self) -> None:
        """End our direction; the far side still may send."""
        self._stream.send_eof()

    async def aclose(self) -> None:
        """End the stream, and free the driver."""
        with anyio.CancelScope(shield=True):
            await in_thread(self._stream.close)

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Extra attributes, as anyio has them."""
        return self._extra


@asynccontextmanager
async def opened(proxy: DriverProxy, method: str) -> AsyncIterator[DriverByteStream]:
    """Open a byte stream to a driver for the length of a block."""
    with as_driver_error():
        stream = await opening(lambda: proxy.stream(method), lambda stream: stream.close(flush=False), in_thread)
    async with DriverByteStream(stream) as wrapped:
        yield wrapped


@asynccontextmanager
async def resource(proxy: DriverProxy, stream: Any, compression: Compression) -> AsyncIterator[dict[str, Any]]:
    """Offer a stream of anyio's to a driver in both directions, and yield the handle for calls inside the block.

    Args:
        proxy: The driver.
        stream: The stream, which is closed in the end. What it gives is sent; what the driver sends goes to it.
        compression: How its bytes are compressed, if the driver is to get their content.

    Raises:
        TransferError: It could not be read or written, or the driver's data broke off.
    """
    failure: Exception | None = None
    async with BlockingPortal() as portal, anyio.create_task_group() as tasks:
        local = _LocalStream(portal, stream)
        tasks.start_soon(local.pump)
        source, sink = Source(local.NAME, None, opener=lambda: local), DownloadSink(local.NAME, local.write, local.end)
        transfer: ResourceTransfer | None = None
        try:
            with as_driver_error():
                transfer = await opening(
                    lambda: proxy._transfer(None, source=source, sink=sink, compression=compression),
                    ResourceTransfer.close,
                    in_thread,
                )
            yield transfer.handle
            with as_driver_error():
                await in_thread(transfer.finish)
        except Exception as error:  # noqa: BLE001 - carried past the task group, which would wrap it
            failure = error
        finally:
            with anyio.CancelScope(shield=True):
                if transfer is not None:
                    await in_thread(transfer.close)
                tasks.cancel_scope.cancel()
                await portal.stop(cancel_remaining=True)
                await stream.aclose()
    if failure is not None:
        raise failure


class _LocalStream:
    """A stream of anyio's for the threads of a transfer: a file to read, and a sink.

    Args:
        portal: The portal of the stream's event loop.
        stream: The stream.
    """

    NAME = "async stream"

    def __init__(self, portal: BlockingPortal, stream: Any) -> None:
        self._portal, self._stream = portal, stream
        self._data, self._ended = bytearray(), False
        self._error: Exception | None = None
        self._changed, self._room = threading.Condition(), asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def pump(self) -> None:
        """Take what the stream gives, up to a frame before it is read: a thread that asked for each piece were slow."""
        try:
            while True:
                data = await self._stream.receive()
                with self._changed:
                    self._data += data
                    self._changed.notify()
                    self._room.clear()
                    full = len(self._data) >= FRAME
                if full:
                    await self._room.wait()
        except anyio.EndOfStream:
            self._end_reading(None)
        except Exception as error:  # noqa: BLE001 - streams of others may raise anything; raised by read
            self._end_reading(error)
        except BaseException:
            # Not an end of the data: an exporter would take a part of an image for the whole.
            self._end_reading(TransferError(f"The upload of '{self.NAME}' was cancelled before its end."))
            raise

    def _end_reading(self, error: Exception | None) -> None:
        with self._changed:
            self._error, self._ended = error, True
            self._changed.notify()

    def read(self, size: int) -> bytes:
        """Return the next bytes, as they come; none at the end.

        Raises:
            TransferError: The reading of the stream was cancelled.
            Exception: The stream has failed, in its own way.
        """
        with self._changed:
            while not self._data and not self._ended:
                self._changed.wait()  # until the end of pump at the latest
            if not self._data and self._error is not None:
                raise self._error
            data = bytes(self._data[:size])
            del self._data[:size]
        with suppress(RuntimeError):  # the event loop is over, and nothing more is read
            self._loop.call_soon_threadsafe(self._room.set)
        return data

    def write(self, data: bytes) -> None:
        """Write bytes."""
        self._portal.call(self._stream.send, data)

    def end(self) -> None:
        """End what is written."""
        self._portal.call(self._stream.send_eof)

    def __enter__(self) -> _LocalStream:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing; the stream is closed where it came from."""
