"""Uploads and downloads: a resource stream beside the driver call that consumes or fills it.

The order of cancellation matters. An exporter cannot tell a cancelled stream from a finished one, so that cancelling
only the stream of an upload makes the call succeed with truncated data. The call is always cancelled first, and the
stream only when the exporter has seen that.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import grpc

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.compression import Decompressor, can_decompress
from JumpstarterLibrary.client.deadline import Deadline, Seconds, Watchdog, format_duration
from JumpstarterLibrary.client.events import Progress, TransferEnded
from JumpstarterLibrary.client.interrupts import interruptible, wait, watch_end
from JumpstarterLibrary.client.link import Link
from JumpstarterLibrary.client.outbox import Outbox
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.client.status import Operation, out_of_time, translate
from JumpstarterLibrary.client.stream import FRAME, Frames
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import InfrastructureError, TransferError, UsageError
from JumpstarterLibrary.protocol import router_pb2
from JumpstarterLibrary.protocol.generated.router_pb2 import FRAME_TYPE_GOAWAY, StreamRequest
from JumpstarterLibrary.protocol.names import CONTENT_ENCODING_FIELD
from JumpstarterLibrary.protocol.streams import resource_stream_request
from JumpstarterLibrary.types import Compression

LAST_FRAMES_S = 5.0
"""How long the last frames of an upload may take to be handed over after the driver has taken all data."""

PROGRESS_S = 1.0

Call = Callable[[dict[str, Any], Deadline], Any]
"""Starts the driver call with the stream's handle and returns its gRPC future."""


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


class TransferProgress:
    """Emits progress at most once a second."""

    def __init__(self, link: Link, operation: Operation, total: int | None) -> None:
        self._link, self._text, self._total = link, operation.text, total
        self._begin = self._last = clock.seconds()

    @property
    def seconds(self) -> float:
        return clock.seconds() - self._begin

    def show(self, done: int) -> None:
        now = clock.seconds()
        if now - self._last >= PROGRESS_S:
            self._last = now
            self._link.events.emit(Progress(self._text, done, self._total, now - self._begin))


class _Upload:
    """The sending side: an iterator over frames that gRPC runs in a thread of its own."""

    def __init__(
        self, source: Source, compression: Compression, progress: TransferProgress, hash_content: bool
    ) -> None:
        self.go = threading.Event()
        self.finished = threading.Event()
        self.error: InfrastructureError | None = None
        self.sent = 0
        self.abort: Callable[[], None] = lambda: None
        self._source = source
        self._compression = compression
        self._progress = progress
        self._decode_here = False
        self._stopped = False
        self._hash = hashlib.sha256()
        self._hash_content = hash_content and compression is not Compression.none
        # Made here, so that what cannot be decompressed is refused before anything is sent.
        self._decompressor = Decompressor(compression) if self._hash_content else None
        self._content_hash = hashlib.sha256()
        self._content_size = 0

    def decode_from_here(self) -> None:
        """Send decompressed data, because the exporter does not decompress it.

        Raises:
            UsageError: This Python cannot decompress it either.
        """
        if not can_decompress(self._compression):
            raise UsageError(
                f"The exporter does not decompress {self._compression.value}, and neither can this Python. "
                f"Decompress the image first, or use gzip, xz or bz2."
            )
        self._decode_here = True
        self._decompressor = self._decompressor or Decompressor(self._compression)

    def stop(self) -> None:
        """End the iterator wherever it is."""
        self._stopped = True
        self.go.set()

    def result(self) -> Transfer:
        plain = self._compression is Compression.none
        known = plain or self._hash_content
        digest = self._hash.hexdigest()
        return Transfer(
            size=self.sent,
            sha256=digest,
            content_sha256=(digest if plain else self._content_hash.hexdigest()) if known else None,
            content_size=(self.sent if plain else self._content_size) if known else None,
            seconds=self._progress.seconds,
        )

    def __iter__(self) -> Iterator[router_pb2.StreamRequest]:
        self.go.wait()  # set by stop() at the latest
        try:
            for data in self._chunks():
                if self._stopped:
                    return
                yield StreamRequest(payload=data)
        except TransferError as error:
            self.error = error
        except OSError as error:
            self.error = TransferError(
                f"The image '{self._source.name}' could not be read to its end: {error.strerror or error}. "
                f"{self.sent} of {self._source.size} bytes were sent, and the write was cancelled."
            )
        except Exception:
            # gRPC ends the stream now, which the exporter would take for the end of the data.
            self.abort()
            raise
        if self.error is not None:
            self.abort()
            return
        self.finished.set()
        yield StreamRequest(frame_type=FRAME_TYPE_GOAWAY)

    def _chunks(self) -> Iterator[bytes]:
        with self._source.open() as file:
            while data := file.read(FRAME):
                if self.sent + len(data) > self._source.size:
                    raise self._changed("more")
                self.sent += len(data)
                self._hash.update(data)
                self._progress.show(self.sent)
                content = self._content(data)
                if self._decode_here:
                    yield from content
                else:
                    for _ in content:
                        pass  # only hashed
                    yield data
        if self.sent != self._source.size:
            raise self._changed(f"{self.sent}")
        if self._decompressor:
            self._decompressor.finish()

    def _content(self, data: bytes) -> Iterator[bytes]:
        """Yield and hash what arrives on the medium, if that is wanted."""
        for piece in self._decompressor.feed(data) if self._decompressor else ():
            self._content_hash.update(piece)
            self._content_size += len(piece)
            yield piece

    def _changed(self, found: str) -> TransferError:
        return TransferError(
            f"The image '{self._source.name}' changed while it was read: {self._source.size} bytes at first, "
            f"{found} at the end. The write was cancelled."
        )


def upload(
    link: Link,
    uuid: str,
    call: Call,
    operation: Operation,
    source: Source,
    *,
    compression: Compression = Compression.none,
    hash_content: bool = False,
    timeout: Seconds = None,
) -> Transfer:
    """Send a source to a driver and wait until the driver has taken it.

    Args:
        link: The link to the exporter.
        uuid: The driver that will get the handle.
        call: Starts the driver call.
        operation: What is asked, for messages.
        source: What to send; at most a few frames of it are in memory.
        compression: How the source is compressed. The exporter decompresses it, or we do where it cannot.
        hash_content: Hash what arrives on the medium, too, where the source is compressed.
        timeout: For the whole transfer; default: no limit.

    Raises:
        UsageError: It has to be decompressed here, and this Python cannot do that.
        TransferError: The source could not be read to its end, or the driver took only a part of it.
        OperationTimeout: It was not done in time; the driver call was cancelled.
        InfrastructureError: The driver refused or failed, or the link broke.
    """
    deadline = Deadline.of(timeout)
    sending = _Upload(source, compression, TransferProgress(link, operation, source.size), hash_content)
    encoding = None if compression is Compression.none else compression.value
    frames = future = None
    try:
        # Without the deadline, which would end the stream and the call at the same time, in any order.
        frames = Frames(link, resource_stream_request(uuid, encoding), sending, operation, sending.stop, deadline)
        handle, accepted = frames.handle()
        if encoding and accepted != encoding:
            sending.decode_from_here()
            handle = {**handle, CONTENT_ENCODING_FIELD: None}
        with interruptible:
            future = call(handle, deadline)
            sending.abort = _aborter(link, future, frames)
            sending.go.set()
            _outcome(future, link, operation, deadline, lambda: sending.error)
        # A driver that stops at the size it expects may answer a moment before our last frame is handed over. That
        # frame has no data, except perhaps the tail of a compressed file.
        tail = 0 if encoding is None else FRAME
        if source.size - sending.sent > tail or not clock.wait(sending.finished, LAST_FRAMES_S):
            raise sending.error or TransferError(
                f"{operation.driver} reported success in '{operation.method}' after taking only a part of "
                f"'{source.name}': at most {sending.sent} of {source.size} bytes."
            )
    except BaseException:
        _cancel_call(link, future)
        raise
    finally:
        sending.stop()
        if frames is not None:
            frames.cancel()
    transfer = sending.result()
    link.events.emit(
        TransferEnded("upload", operation.text, source.name, transfer.size, transfer.sha256, transfer.seconds)
    )
    return transfer


def download(
    link: Link,
    uuid: str,
    call: Call,
    operation: Operation,
    sink: BinaryIO,
    *,
    limit: int | None = None,
    timeout: Seconds = None,
    silence_s: float = Timing.transfer_silence,
) -> Transfer:
    """Receive what a driver sends into a file, until its end of data.

    Args:
        link: The link to the exporter.
        uuid: The driver that will get the handle.
        call: Starts the driver call.
        operation: What is asked, for messages.
        sink: Where the bytes go.
        limit: Stop after so many bytes and cancel the rest; default: all.
        timeout: For the whole transfer; default: no limit.
        silence_s: How many seconds it may bring nothing after the driver has succeeded.

    Raises:
        OperationTimeout: It was not done in time; the driver call was cancelled.
        InfrastructureError: The driver refused or failed, the link broke, or the driver succeeded but fell silent
            before the end of data.
    """
    deadline = Deadline.of(timeout)
    progress = TransferProgress(link, operation, limit)
    digest, size = hashlib.sha256(), 0
    outbox = Outbox()
    frames = future = None
    try:
        # Never with a content encoding: exporters do not flush what they compress, and the end is lost.
        request = resource_stream_request(uuid)
        frames = Frames(link, request, outbox, operation, outbox.kill, deadline)
        with interruptible:
            future = call(frames.handle()[0], deadline)
        # The deadline is the call's. It does not end the stream as well, which would happen on both sides at once.
        with Watchdog(deadline.at_most(silence_s), frames.cancel, armed=False) as silence:
            future.add_done_callback(
                lambda done: silence.arm() if done.code() is grpc.StatusCode.OK else frames.cancel()
            )
            for data in frames:
                data = data if limit is None else data[: limit - size]
                sink.write(data)
                digest.update(data)
                size += len(data)
                silence.feed()
                progress.show(size)
                if size == limit or deadline.expired:
                    break
        if deadline.expired and size != limit and not frames.complete and _succeeded(future):
            raise out_of_time(operation, deadline)
        if silence.barked:
            raise TransferError(
                f"{operation.driver} reported success in '{operation.method}', but sent no end of data and nothing "
                f"else for {format_duration(silence_s)}. {size} bytes were received; they may be incomplete."
            )
        if limit is None or size < limit:
            with interruptible:
                _outcome(future, link, operation, deadline, lambda: None)
            if not frames.complete:
                raise TransferError(
                    f"{operation.driver} reported success in '{operation.method}', but its data broke off. "
                    f"{size} bytes were received; they may be incomplete."
                )
    finally:
        # After a complete download the call is over; otherwise it has to end before its stream does.
        _cancel_call(link, future)
        outbox.kill()
        if frames is not None:
            frames.cancel()
    transfer = Transfer(size, digest.hexdigest(), digest.hexdigest(), size, progress.seconds)
    name = str(getattr(sink, "name", ""))
    link.events.emit(TransferEnded("download", operation.text, name, size, transfer.sha256, transfer.seconds))
    return transfer


def _outcome(
    future: Any, link: Link, operation: Operation, deadline: Deadline, reason: Callable[[], InfrastructureError | None]
) -> None:
    """Wait for the driver call and raise what went wrong with it."""
    if not wait(watch_end(future), deadline.remaining):
        raise out_of_time(operation, deadline)
    try:
        future.result()
    except grpc.FutureCancelledError:
        raise reason() or TransferError(f"{operation.text} was cancelled.") from None
    except grpc.RpcError as error:
        raise translate(error, link, operation, deadline) from error


def _cancel_call(link: Link, future: Any) -> None:
    """Cancel a driver call that did not succeed, and return when the exporter has seen it."""
    if future is None or _succeeded(future):
        return
    future.cancel()
    link.barrier()


def _succeeded(future: Any) -> bool:
    """Whether a driver call has ended well; False while it runs."""
    return bool(future.done()) and future.code() is grpc.StatusCode.OK


def _aborter(link: Link, future: Any, frames: Frames) -> Callable[[], None]:
    def abort() -> None:
        _cancel_call(link, future)
        frames.cancel()

    return abort


__all__: Sequence[str] = ("Call", "Transfer", "download", "upload")
