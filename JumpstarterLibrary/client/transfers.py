"""Uploads and downloads: a resource stream beside the driver call that reads or fills it.

A transfer is opened, its handle is given to a call, and it is finished when the call has succeeded; whether the call is
made by a driver proxy, a client class of upstream's interface or a coroutine makes no difference.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.call_record import LimitReached
from JumpstarterLibrary.client.compression import INSTEAD, Decompressor, can_decompress
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.events import Progress, TransferEnded
from JumpstarterLibrary.client.interrupts import wait
from JumpstarterLibrary.client.link import Link
from JumpstarterLibrary.client.resource import ResourceHandle, ResourceHandles
from JumpstarterLibrary.client.sink import DownloadSink, reason_of, write_error
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.client.status import Operation, out_of_time
from JumpstarterLibrary.client.stream import FRAME
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import InfrastructureError, TransferError, UsageError
from JumpstarterLibrary.protocol import router_pb2
from JumpstarterLibrary.protocol.generated.router_pb2 import FRAME_TYPE_GOAWAY, StreamRequest
from JumpstarterLibrary.types import Compression

logger = logging.getLogger(__name__)

LAST_FRAMES_S = 5.0
"""How long the last frames of an upload may take to be handed over after the driver has taken all data."""

PROGRESS_S = 1.0


@dataclass(frozen=True)
class Transfer:
    """A completed upload or download.

    Attributes:
        size: Bytes of the source file, or bytes received.
        sha256: SHA-256 of those bytes, in hexadecimal.
        content_sha256: SHA-256 of what arrived on the medium: differs from ``sha256`` for compressed sources, where it
            is None unless ``hash_content`` was asked for.
        content_size: Bytes that arrived on the medium, likewise.
        seconds: How long it took.
    """

    size: int
    sha256: str
    content_sha256: str | None
    content_size: int | None
    seconds: float


class ResourceTransfer:
    """A transfer by a call that gets ``handle``: an upload, a download, or on one stream what the call takes or gives.

    A context manager: the call is made in the block, whose end waits for that of the data.

    Args:
        handles: The handles of the driver's device.
        link: The link to its exporter.
        uuid: The driver instance.
        operation: The call that gets the handle, for messages, as far as it is known before.
        source: What to send; at most a few frames of it are in memory.
        sink: What gets the data that the driver sends.
        compression: How the source is compressed. The exporter decompresses it, or we do where it cannot.
        hash_content: Hash what arrives on the medium, too, where the source is compressed.
        limit: Stop receiving after so many bytes, and cancel the rest. Default: all.
        timeout: Seconds, timedelta or deadline for the whole transfer, beside that of the call. Default: no limit.
        silence_s: How many seconds a download may bring nothing after the driver has succeeded.

    Attributes:
        handle: What the call gets as its argument.

    Raises:
        UsageError: The source has to be decompressed here, and this Python cannot do that.
        InfrastructureError: The stream could not be opened.
    """

    def __init__(
        self,
        handles: ResourceHandles,
        link: Link,
        uuid: str,
        operation: Operation,
        *,
        source: Source | None = None,
        sink: DownloadSink | None = None,
        compression: Compression = Compression.none,
        hash_content: bool = False,
        limit: int | None = None,
        timeout: Seconds = None,
        silence_s: float = Timing.transfer_silence,
    ) -> None:
        self._deadline = Deadline.of(timeout)
        self._silence_s = silence_s
        self._sending = _Sending(source, compression, hash_content)
        # Never with a content encoding for downloads: exporters do not flush what they compress, and the end is lost.
        encoding = None if compression is Compression.none else compression.value
        sending, self._name = self._sending, _name_of(source, sink)
        try:
            self._handle = ResourceHandle(
                handles, link, uuid, operation, self._name, sending, sending.stop, encoding, self._deadline
            )
        except BaseException:
            sending.stop()
            raise
        self.handle = self._handle.value
        try:
            self._receiving = None if sink is None else _Receiving(self._handle, sink, limit)
            sending.start(self._handle)
        except BaseException:
            self.close()
            raise

    def finish(self) -> None:
        """Wait for the end of the data, if a call has used the handle and succeeded.

        Raises:
            TransferError: The source or the sink has failed, the driver took only a part of the data, or its own data
                broke off.
            OperationTimeout: The data did not end in time.
        """
        # With both a source and a sink, it is the call that tells by what it does.
        uploaded = self._sending.size > 0 if self._receiving is not None else not self._sending.silent
        if self._handle.succeeded and not self._handle.failed:
            if uploaded:
                self._sending.check_taken()
            elif self._receiving is not None:
                self._receiving.await_end(self._deadline, self._silence_s)
        self._handle.check()
        if self._handle.succeeded:
            self._emit_end("upload" if uploaded else "download")

    def result(self) -> Transfer:
        """Return what was transferred."""
        return self._receiving.result() if self._receiving is not None else self._sending.result()

    def close(self) -> None:
        """End the stream; a call that still uses it is cancelled first. Closing twice is fine."""
        self._handle.close()
        self._sending.stop()

    def _emit_end(self, direction: str) -> None:
        done = self._sending.result() if direction == "upload" or self._receiving is None else self._receiving.result()
        operation = self._handle.operation.text
        event = TransferEnded(direction, operation, self._name, done.size, done.sha256, done.seconds)
        self._handle.link.events.emit(event)

    def __enter__(self) -> ResourceTransfer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            if error is None:
                self.finish()
        except LimitReached as reached:
            error = reached
        finally:
            if isinstance(error, LimitReached):
                self._emit_end("download")
            self.close()
            if self._receiving is not None:
                # The caller closes the sink now.
                wait(self._receiving, LAST_FRAMES_S)
        return isinstance(error, LimitReached)


def _name_of(source: Source | None, sink: DownloadSink | None) -> str:
    return source.name if source is not None else "" if sink is None else sink.name


class TransferProgress:
    """Emits progress at most once a second."""

    def __init__(self, handle: ResourceHandle, total: int | None) -> None:
        self._handle, self._total = handle, total
        self._begin = self._last = clock.seconds()

    @property
    def seconds(self) -> float:
        """Seconds since the transfer began."""
        return clock.seconds() - self._begin

    def show(self, done: int) -> None:
        """Emit how many bytes are done, if it is time."""
        now = clock.seconds()
        if now - self._last >= PROGRESS_S:
            self._last = now
            handle = self._handle
            handle.link.events.emit(Progress(handle.operation.text, done, self._total, now - self._begin))


class _Sending:
    """The sending side: an iterator over frames that gRPC runs in a thread of its own.

    Attributes:
        source: What is sent; nothing without one.
        silent: Whether there is none.
        size: Bytes read from the source.
    """

    def __init__(self, source: Source | None, compression: Compression, hash_content: bool) -> None:
        self.source = source or Source("nothing", 0, data=b"")
        self.size = 0
        self.silent = source is None
        self._compression = compression
        # As a driver that has taken everything may leave it: the tail of a compressed file.
        self._tail = 0 if compression is Compression.none else FRAME
        self._hash_content = hash_content and compression is not Compression.none
        # Made here, so that what cannot be decompressed is refused before anything is sent.
        self._decompressor = Decompressor(compression) if self._hash_content else None
        self._decode_here = False
        self._hash, self._content_hash, self._content_size = hashlib.sha256(), hashlib.sha256(), 0
        self._handle: ResourceHandle | None = None
        self._go, self._over = threading.Event(), threading.Event()
        self._stopped = self._finished = False
        self._untaken: int | None = None

    def start(self, handle: ResourceHandle) -> None:
        """Begin to send.

        Raises:
            UsageError: The source has to be decompressed here, and this Python cannot do that.
        """
        if self.silent:
            self._progress = TransferProgress(handle, 0)
            return
        if not handle.decoded:
            if not can_decompress(self._compression):
                raise UsageError(
                    f"The exporter does not decompress {self._compression.value}, and neither can this Python. "
                    f"{INSTEAD}"
                )
            self._decode_here = True
            self._decompressor = self._decompressor or Decompressor(self._compression)
        self._handle, self._progress = handle, TransferProgress(handle, self.source.size)
        self._go.set()

    def stop(self) -> None:
        """End the iterator wherever it is."""
        self._stopped = True
        self._go.set()
        self._over.set()

    def check_taken(self) -> None:
        """Check that a driver whose call has succeeded has taken the whole source, as far as that can be seen here.

        Raises:
            TransferError: It has not, or the source has failed.
        """
        # A driver that stops at the size it expects may answer a moment before our last frame is handed over. That
        # frame has no data, except perhaps the tail of a compressed file.
        self._untaken = 0
        missing = 0 if self.source.size is None else self.source.size - self.size
        if missing <= self._tail and wait(self._over, LAST_FRAMES_S) and self._finished:
            return
        assert self._handle is not None
        self._handle.check()
        operation, size = self._handle.operation, self.source.size
        raise TransferError(
            f"{operation.driver} reported success in '{operation.method}' after taking only a part of "
            f"'{self.source.name}': at most {self.size}{'' if size is None else f' of {size}'} bytes."
        )

    def result(self) -> Transfer:
        """Return what was sent."""
        plain = self._compression is Compression.none
        known = plain or self._hash_content
        digest = self._hash.hexdigest()
        return Transfer(
            size=self.size,
            sha256=digest,
            content_sha256=(digest if plain else self._content_hash.hexdigest()) if known else None,
            content_size=(self.size if plain else self._content_size) if known else None,
            seconds=self._progress.seconds,
        )

    def __iter__(self) -> Iterator[router_pb2.StreamRequest]:
        self._go.wait()  # set by stop() at the latest
        handle = self._handle
        if handle is None or self._stopped:
            return
        try:
            for data in self._chunks():
                if self._stopped or not self._wanted(data):
                    return
                yield StreamRequest(payload=data)
            if self._stopped and self.source.size is None:
                # The source may have ended because of the stop; without a size nothing tells that it was complete.
                return
            self._finished = True
        except TransferError as error:
            handle.fail(error)
        except Exception as error:
            # gRPC ends the stream after this, which the exporter would take for the end of the data.
            handle.fail(self._failure(error, handle))
            if not self._unreadable(error):
                raise
        finally:
            self._over.set()
        if self._finished:
            yield StreamRequest(frame_type=FRAME_TYPE_GOAWAY)

    def _wanted(self, data: bytes) -> bool:
        """Tell whether to send some data: not more than a tail once the driver has succeeded."""
        if self._untaken is None:
            return True
        self._untaken += len(data)
        if self._untaken > self._tail:
            self._over.set()
            return False
        return True

    def _chunks(self) -> Iterator[bytes]:
        size = self.source.size
        with self.source.open() as file:
            while data := file.read(FRAME):
                if size is not None and self.size + len(data) > size:
                    raise self._changed("more")
                self.size += len(data)
                self._hash.update(data)
                self._progress.show(self.size)
                content = self._content(data)
                if self._decode_here:
                    yield from content
                else:
                    for _ in content:
                        pass  # only hashed
                    yield data
        if size is not None and self.size != size:
            raise self._changed(f"{self.size}")
        if self._decompressor and (self.size or size is not None):
            self._decompressor.finish()

    def _content(self, data: bytes) -> Iterator[bytes]:
        """Yield and hash what arrives on the medium, if that is wanted."""
        for piece in self._decompressor.feed(data) if self._decompressor else ():
            self._content_hash.update(piece)
            self._content_size += len(piece)
            yield piece

    def _changed(self, found: str) -> TransferError:
        return TransferError(
            f"The image '{self.source.name}' changed while it was read: {self.source.size} bytes at first, "
            f"{found} at the end. The write was cancelled."
        )

    def _unreadable(self, error: Exception) -> bool:
        """Tell whether an error is the source's. Openers of others may raise anything."""
        return isinstance(error, OSError) or self.source.opener is not None

    def _failure(self, error: Exception, handle: ResourceHandle) -> TransferError:
        if not self._unreadable(error):
            return TransferError(f"{handle.operation.text} was cancelled.")
        share = "" if self.source.size is None else f" of {self.source.size}"
        failure = TransferError(
            f"The image '{self.source.name}' could not be read to its end: {reason_of(error)}. {self.size}{share} "
            f"bytes were sent, and the write was cancelled."
        )
        failure.__cause__ = error
        return failure


class _Receiving:
    """The receiving side: a daemon thread that hands what a driver sends to a sink."""

    def __init__(self, handle: ResourceHandle, sink: DownloadSink, limit: int | None) -> None:
        self._handle, self._sink, self._limit = handle, sink, limit
        self._size, self._hash = 0, hashlib.sha256()
        self._last = clock.seconds()
        self._progress = TransferProgress(handle, limit)
        self._broke: InfrastructureError | None = None
        self._thread = threading.Thread(target=self._run, name="jumpstarter-download", daemon=True)
        self._thread.start()

    def wait(self, timeout: float | None = None, /) -> bool:
        """Wait for its end, and return whether it has come."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def await_end(self, deadline: Deadline, silence_s: float) -> None:
        """Wait for the end of the data of a driver whose call has succeeded.

        Raises:
            TransferError: The data broke off, or nothing came for a while.
            OperationTimeout: The data did not end in time.
        """
        operation = self._handle.operation
        done = f"{operation.driver} reported success in '{operation.method}', but"
        while not wait(self, deadline.at_most(min(1.0, silence_s))):
            if deadline.expired:
                raise out_of_time(operation, deadline)
            if clock.seconds() - self._last >= silence_s:
                raise TransferError(
                    f"{done} sent no end of data and nothing else for {format_duration(silence_s)}. {self._found}"
                )
        if not self._handle.frames.complete and not self._handle.failed:
            raise TransferError(f"{done} its data broke off. {self._found}") from self._broke

    def result(self) -> Transfer:
        """Return what was received."""
        digest = self._hash.hexdigest()
        return Transfer(self._size, digest, digest, self._size, self._progress.seconds)

    @property
    def _found(self) -> str:
        return f"{self._size} bytes were received; they may be incomplete."

    def _run(self) -> None:
        try:
            for data in self._handle.frames:
                self._take(data if self._limit is None else data[: self._limit - self._size])
                if self._size == self._limit:
                    self._handle.fail(LimitReached())
                    return
            if self._handle.frames.complete:
                self._sink.end()
        except InfrastructureError as error:
            # The call tells what has happened.
            self._broke = error
            logger.debug("a resource stream ended: %s", error)
        except Exception as error:  # noqa: BLE001 - sinks of others may raise anything
            failure = write_error(self._sink.name, error)
            failure.__cause__ = error
            self._handle.fail(failure)

    def _take(self, data: bytes) -> None:
        self._sink.write(data)
        self._hash.update(data)
        self._size += len(data)
        self._last = clock.seconds()
        self._progress.show(self._size)


__all__ = ["LAST_FRAMES_S", "PROGRESS_S", "ResourceTransfer", "Transfer", "TransferProgress"]
