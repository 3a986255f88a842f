"""Resource streams for calls that are made later, by code that only gets a handle.

``client.resource`` makes the call itself. Here other code does, with the handle among its arguments; the offer still
has to know of the call, because a source that fails halfway must cancel it before the stream ends.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.compression import Decompressor, can_decompress
from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.client.events import TransferEnded
from JumpstarterLibrary.client.pending import PendingCall
from JumpstarterLibrary.client.resource import LAST_FRAMES_S, TransferProgress
from JumpstarterLibrary.client.stream import FRAME
from JumpstarterLibrary.errors import InfrastructureError, TransferError, UsageError
from JumpstarterLibrary.protocol.names import CONTENT_ENCODING_FIELD
from JumpstarterLibrary.protocol.streams import presigned_handle
from JumpstarterLibrary.types import Compression

if TYPE_CHECKING:
    from JumpstarterLibrary.client.drivers.base import DriverProxy

logger = logging.getLogger(__name__)


class ResourceHandles:
    """The resource handles of a device that are open, by handle."""

    def __init__(self) -> None:
        self._offers: dict[str, ResourceHandle] = {}

    def add(self, offer: ResourceHandle) -> None:
        """Remember an offer."""
        self._offers[offer.handle["uuid"]] = offer

    def remove(self, offer: ResourceHandle) -> None:
        """Forget an offer."""
        self._offers.pop(offer.handle["uuid"], None)

    def of(self, args: tuple[object, ...]) -> ResourceHandle | None:
        """Return the offer whose handle is among the arguments of a call, if there is one."""
        if not self._offers:
            return None
        found = (self._offers.get(str(argument.get("uuid"))) for argument in args if isinstance(argument, dict))
        return next(filter(None, found), None)


class ResourceHandle:
    """A resource stream and the calls that use it; open until ``close``.

    Args:
        proxy: The driver that will get the handle.
        compression: How the bytes that are sent are compressed; the exporter decompresses them, or the sender has to.

    Attributes:
        handle: What a call gets as its argument.
        stream: The stream.
        decompress: Whether the sender has to decompress what it sends, because the exporter does not.

    Raises:
        InfrastructureError: It could not be opened.
        UsageError: Neither the exporter nor this Python decompresses that.
    """

    def __init__(self, proxy: DriverProxy, compression: Compression = Compression.none) -> None:
        self._device = proxy._device
        self._calls: list[PendingCall] = []
        self._error: Exception | None = None
        self._lock = threading.Lock()
        encoding = None if compression is Compression.none else compression.value
        self.stream = proxy.resource_stream(encoding)
        try:
            handle, accepted = self.stream.handle()
            self.decompress = encoding is not None and accepted != encoding
            if self.decompress and not can_decompress(compression):
                raise UsageError(
                    f"The exporter does not decompress {encoding}, and neither can this Python. Decompress the source "
                    f"first, or use gzip, xz or bz2."
                )
        except BaseException:
            self.stream.close(flush=False)
            raise
        self.handle: dict[str, Any] = {**handle, CONTENT_ENCODING_FIELD: None} if self.decompress else handle
        self._device.offers.add(self)

    def call(self, pending: PendingCall) -> Any:
        """Wait for a call that uses the handle, and return its result.

        Raises:
            TransferError: The source or the sink failed meanwhile.
            InfrastructureError: The driver refused or failed.
        """
        with self._lock:
            self._calls.append(pending)
            error = self._error
        if error is not None:
            pending.cancel(error)
        try:
            return pending.result()
        except InfrastructureError:
            # The driver may have met the end of the stream before the call was cancelled.
            if self._error is None:
                raise
            pending.reason = self._error
            raise self._error from self._error.__cause__

    @property
    def used(self) -> PendingCall | None:
        """The call that has used the handle and ended well, if there is one."""
        return next((call for call in self._calls if call.succeeded), None)

    @property
    def failed(self) -> bool:
        """Whether the source or the sink has failed."""
        return self._error is not None

    def fail(self, error: Exception) -> None:
        """Tell that the source or the sink failed: cancel the calls first, and then the stream."""
        with self._lock:
            if self._error is not None:
                return
            self._error = error
            calls = list(self._calls)
        for call in calls:
            call.cancel(error)
        if calls:
            self._device.link.barrier()
        self.stream.close(flush=False)

    def check(self) -> None:
        """Raise what ``fail`` was told, for those who have made no call since."""
        if self._error is not None and not any(call.reason is self._error for call in self._calls):
            raise self._error

    def close(self) -> None:
        """End the stream; calls that still use it are cancelled first. Closing twice is fine."""
        self._device.offers.remove(self)
        running = [call for call in self._calls if not call.succeeded]
        for call in running:
            call.cancel()
        if running:
            self._device.link.barrier()
        self.stream.close(flush=False)


def presigned(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what a call gets as a handle for an HTTP request that the exporter makes by itself.

    Args:
        url: The URL.
        method: ``GET`` for a source, ``PUT`` for a sink.
        headers: Headers to send.
    """
    return presigned_handle(url, method, headers)


@contextmanager
def upload_handle(
    proxy: DriverProxy,
    open_source: Callable[[], BinaryIO],
    name: str,
    size: int | None = None,
    compression: Compression = Compression.none,
) -> Iterator[dict[str, Any]]:
    """Offer a source to a driver, and yield the handle for a call inside the block.

    Args:
        proxy: The driver.
        open_source: Opens the source for reading.
        name: The source in messages.
        size: Its bytes, if they are known.
        compression: How it is compressed, if the driver is to get its content.

    Raises:
        TransferError: The source could not be read to its end, or the driver took only a part of it.
    """
    offer = ResourceHandle(proxy, compression)
    link = proxy._device.link
    sending = _Sending(offer, compression, TransferProgress(link, proxy._operation("resource", "stream"), size))
    try:
        with open_source() as file:
            trouble = f"'{name}' could not be read"
            pump = _Pump(offer, lambda: sending.pieces(file), offer.stream.send, trouble, eof=True)
            yield offer.handle
            if offer.used and not offer.failed and not sending.all_taken(size, pump):
                raise TransferError(
                    f"Driver '{proxy.path}' reported success after taking only a part of '{name}': {pump.done} bytes."
                )
            offer.check()
            offer.close()
            clock.wait(pump, LAST_FRAMES_S)
    finally:
        offer.close()
    if offer.used:
        digest = sending.digest.hexdigest()
        operation = offer.used.operation.text
        link.events.emit(TransferEnded("upload", operation, name, sending.size, digest, sending.seconds))


class _Sending:
    """Data that is read from a source, and sent."""

    def __init__(self, offer: ResourceHandle, compression: Compression, progress: TransferProgress) -> None:
        self._stream = offer.stream
        # As with uploads whose call we make: who has taken everything leaves at most the tail of a compressed file.
        self._tail = 0 if compression is Compression.none else FRAME
        self.digest = hashlib.sha256()
        self.size = 0
        self._progress = progress
        self._decompressor = Decompressor(compression) if offer.decompress else None

    @property
    def seconds(self) -> float:
        """How long it has been sent."""
        return self._progress.seconds

    def all_taken(self, size: int | None, pump: _Pump) -> bool:
        """Whether a driver whose call has succeeded has taken the whole source, as far as that can be seen here."""
        unsent = self._stream.waiting + (0 if size is None else size - self.size)
        return unsent <= self._tail and clock.wait(pump, LAST_FRAMES_S) and pump.finished

    def pieces(self, file: BinaryIO) -> Iterator[bytes]:
        while data := file.read(FRAME):
            self.size += len(data)
            self.digest.update(data)
            self._progress.show(self.size)
            yield from self._decompressor.feed(data) if self._decompressor else (data,)
        if self._decompressor:
            self._decompressor.finish()


@contextmanager
def download_handle(proxy: DriverProxy, write: Callable[[bytes], object], name: str) -> Iterator[dict[str, Any]]:
    """Take what a driver sends, and yield the handle for a call inside the block, which ends with the end of the data.

    Args:
        proxy: The driver.
        write: Called with the bytes as they come, in a thread of its own.
        name: Where they go, in messages.

    Raises:
        TransferError: They could not be written, or the data broke off.
    """
    begin = clock.seconds()
    offer = ResourceHandle(proxy)
    try:
        pieces = partial(offer.stream.receive, FRAME)
        pump = _Pump(offer, lambda: iter(pieces, b""), write, f"'{name}' could not be written")
        yield offer.handle
        if offer.used:
            _await_end(proxy, offer, pump)
        offer.check()
        offer.close()
        clock.wait(pump, LAST_FRAMES_S)
    finally:
        offer.close()
    if offer.used:
        operation, seconds = offer.used.operation.text, clock.seconds() - begin
        proxy._device.link.events.emit(TransferEnded("download", operation, name, pump.done, None, seconds))


def _await_end(proxy: DriverProxy, offer: ResourceHandle, pump: _Pump) -> None:
    """Wait for the end of a driver's data, whose call has succeeded."""
    found = f"{pump.done} bytes were received; they may be incomplete"
    silence_s = proxy._device.timing_of(proxy).transfer_silence
    while not clock.wait(pump, 1.0):
        if clock.seconds() - pump.last > silence_s:
            raise TransferError(
                f"Driver '{proxy.path}' reported success, but sent no end of data and nothing else for "
                f"{format_duration(silence_s)}. {found}."
            )
    offer.check()
    if not offer.stream.complete:
        raise TransferError(f"Driver '{proxy.path}' reported success, but its data broke off. {found}.")


class _Pump:
    """A daemon thread that copies from an iterator to a function, for an offer.

    Attributes:
        done: Bytes copied.
        finished: Whether that was everything.
        last: When something was copied last, by the monotonic clock.
    """

    def __init__(
        self,
        offer: ResourceHandle,
        source: Callable[[], Iterator[bytes]],
        sink: Callable[[bytes], object],
        trouble: str,
        *,
        eof: bool = False,
    ) -> None:
        self.done = 0
        self.finished = False
        self.last = clock.seconds()
        self._offer, self._source, self._sink, self._trouble, self._eof = offer, source, sink, trouble, eof
        self._thread = threading.Thread(target=self._run, name="jumpstarter-offer", daemon=True)
        self._thread.start()

    def wait(self, timeout: float | None = None, /) -> bool:
        """Wait for its end, and say whether it has come."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for data in self._source():
                self._sink(data)
                self.done += len(data)
                self.last = clock.seconds()
            if self._eof:
                self._offer.stream.send_eof()
            self.finished = True
        except TransferError as error:
            self._offer.fail(error)  # the source cannot be decompressed
        except InfrastructureError as error:
            # The code that ended the stream knows why.
            logger.debug("an offered stream ended: %s", error)
        except Exception as error:  # noqa: BLE001 - sources and sinks of others may raise anything
            failure = TransferError(f"{self._trouble}: {error}. {self.done} bytes were copied before.")
            failure.__cause__ = error
            self._offer.fail(failure)
