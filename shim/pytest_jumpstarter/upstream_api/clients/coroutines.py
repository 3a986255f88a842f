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

from JumpstarterLibrary.client import ByteStream, DriverProxy
from JumpstarterLibrary.client.compression import Decompressor
from JumpstarterLibrary.client.offer import ResourceHandle
from JumpstarterLibrary.client.pending import PendingCall
from JumpstarterLibrary.client.resource import LAST_FRAMES_S
from JumpstarterLibrary.client.stream import FRAME
from JumpstarterLibrary.errors import InfrastructureError, TransferError
from JumpstarterLibrary.types import Compression
from pytest_jumpstarter.upstream_api.clients.endings import broken, end_of_data
from pytest_jumpstarter.upstream_api.clients.trouble import as_driver_error

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
        offer = self._proxy._device.offers.of(self._args)
        return pending.result() if offer is None else offer.call(pending)

    def cancel(self) -> None:
        with self._lock:
            self._unwanted = True
            pending = self._pending
        if pending is not None:
            pending.cancel()


async def results(proxy: DriverProxy, method: str, args: tuple[object, ...]) -> AsyncGenerator[Any, None]:
    """Call a streaming method of a driver and yield its results; cancelled on the exporter when left early."""
    with as_driver_error():
        stream = await in_thread(lambda: proxy.streamingcall(method, *args))
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
        stream = await _opening(lambda: proxy.stream(method), lambda stream: stream.close(flush=False))
    async with DriverByteStream(stream) as wrapped:
        yield wrapped


async def _opening(start: Callable[[], Result], undo: Callable[[Result], None]) -> Result:
    """Run a function in a thread; what it opens after this was cancelled is closed again."""
    lock = threading.Lock()
    unwanted = False

    def run() -> Result:
        result = start()
        with lock:
            left = unwanted
        if left:
            undo(result)
        return result

    try:
        return await in_thread(run)
    except anyio.get_cancelled_exc_class():
        with lock:
            unwanted = True
        raise


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
    with as_driver_error():
        offer = await _opening(lambda: ResourceHandle(proxy, compression), ResourceHandle.close)
    failure: Exception | None = None
    try:
        async with DriverByteStream(offer.stream) as remote, anyio.create_task_group() as tasks:
            pumps = _Pumps(offer, stream, remote, compression)
            tasks.start_soon(pumps.outwards)
            tasks.start_soon(pumps.inwards)
            try:
                yield offer.handle
                if offer.used:
                    await pumps.finish(proxy)
            except Exception as error:  # noqa: BLE001 - carried past the task group, which would wrap it
                failure = error
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await in_thread(offer.close)
            await stream.aclose()
    if failure is not None:
        raise failure
    with as_driver_error():
        offer.check()


class _Pumps:
    """The two directions of an offered stream."""

    def __init__(self, offer: ResourceHandle, local: Any, remote: DriverByteStream, compression: Compression) -> None:
        self._offer, self._local, self._remote = offer, local, remote
        self._decompressor = Decompressor(compression) if offer.decompress else None
        # As with uploads whose call we make: who has taken everything leaves at most the tail of a compressed file.
        self._tail = 0 if compression is Compression.none else FRAME
        self._over = False
        self._untaken = 0
        self._sent = anyio.Event()
        self._complete = anyio.Event()
        self._failed = anyio.Event()
        self._received = 0
        self._gave = False

    async def outwards(self) -> None:
        """Send what the local stream gives."""
        try:
            while True:
                try:
                    data = await self._local.receive()
                except anyio.EndOfStream:
                    break
                self._gave = True
                for piece in self._decompressor.feed(data) if self._decompressor else (data,):
                    self._untaken += len(piece) if self._over else 0
                    if self._untaken > self._tail:
                        self._failed.set()
                        return
                    await self._remote.send(piece)
            if self._decompressor and self._gave:
                self._decompressor.finish()
            await self._remote.send_eof()
            self._sent.set()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            if not isinstance(error, InfrastructureError):  # then it was not ours that broke
                await self._fail("The source could not be read to its end", error)
        except Exception as error:  # noqa: BLE001 - sources of others may raise anything
            await self._fail("The source could not be read to its end", error)

    async def inwards(self) -> None:
        """Hand what the driver sends to the local stream."""
        try:
            while True:
                try:
                    data = await self._remote.receive()
                except anyio.EndOfStream:
                    break
                await self._local.send(data)
                self._received += len(data)
            await self._local.send_eof()
            self._complete.set()
        except Exception as error:  # noqa: BLE001 - sinks of others may raise anything
            if not isinstance(error, InfrastructureError):
                await self._fail("The data could not be written to its end", error)

    async def _fail(self, what: str, error: Exception) -> None:
        failure = error if isinstance(error, TransferError) else TransferError(f"{what}: {error!r}.")
        failure.__cause__ = failure.__cause__ or error
        with anyio.CancelScope(shield=True):
            await in_thread(self._offer.fail, failure)
        self._failed.set()

    async def finish(self, proxy: DriverProxy) -> None:
        """Wait until the data has come to its end, the source's or the driver's, or something has failed."""
        if self._gave:
            # What is still here has not been taken, although the exporter reads on.
            self._over, self._untaken = True, self._offer.stream.waiting
            if self._untaken <= self._tail:
                await self._first(self._sent, LAST_FRAMES_S)
            if not self._sent.is_set() and not self._offer.failed:
                raise TransferError(f"Driver '{proxy.path}' reported success after taking only a part of the data.")
            return
        before, silence_s = -1, proxy._device.timing_of(proxy).transfer_silence
        while not self._complete.is_set() and not self._failed.is_set():
            if before == self._received:
                raise TransferError(
                    f"Driver '{proxy.path}' reported success, but sent no end of data. {before} bytes were received; "
                    f"they may be incomplete."
                )
            before = self._received
            await self._first(self._complete, silence_s)

    async def _first(self, event: anyio.Event, limit_s: float) -> None:
        """Wait for an event, or a failure, for some seconds."""
        with anyio.move_on_after(limit_s):
            async with anyio.create_task_group() as tasks:

                async def failure() -> None:
                    await self._failed.wait()
                    tasks.cancel_scope.cancel()

                tasks.start_soon(failure)
                await event.wait()
                tasks.cancel_scope.cancel()
