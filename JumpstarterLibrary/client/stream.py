"""A byte stream to a driver: RouterService.Stream as send, receive and half close."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, NoReturn

import grpc

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, Seconds, Watchdog, format_duration
from JumpstarterLibrary.client.interrupts import interruptible, started
from JumpstarterLibrary.client.link import Link
from JumpstarterLibrary.client.outbox import Outbox
from JumpstarterLibrary.client.status import Operation, translate
from JumpstarterLibrary.errors import InfrastructureError, OperationTimeout
from JumpstarterLibrary.protocol import router_pb2
from JumpstarterLibrary.protocol.generated.router_pb2 import FRAME_TYPE_DATA, FRAME_TYPE_GOAWAY
from JumpstarterLibrary.protocol.names import ACCEPT_ENCODING_KEY, CLIENT_KEY, REQUEST_KEY, RESOURCE_KEY

OPEN_S = 30.0
"""How long a driver may take to open its far side; upstream's slowest takes 10 seconds."""

FLUSH_S = 1.0
"""How long closing a stream waits for what was sent on it a moment before."""

FRAME = 1024 * 1024
"""Bytes of the largest frame that we send; exporters refuse messages over 4 MiB."""


class Frames:
    """The raw stream: an opened RPC, its initial metadata and what the exporter sends.

    Iterating yields every payload that is not empty until the exporter's end of data, in the pieces in which it came;
    it blocks, and ends early when another thread calls ``cancel``.

    Args:
        link: The link to open it on.
        request: The request text that says which stream (see ``protocol.streams``).
        outgoing: The frames to send; gRPC asks for them in a thread of its own.
        operation: What is asked, for messages.
        on_end: Called once, in some thread, when the RPC is over, also when it could not be opened. It has to end
            ``outgoing``, for which gRPC's thread waits.
        deadline: For opening it, which takes 30 seconds at most.

    Attributes:
        complete: Whether the exporter has said that no more data follows.

    Raises:
        InfrastructureError: The exporter refused to open it.
        OperationTimeout: It was not open in time.
    """

    def __init__(
        self,
        link: Link,
        request: str,
        outgoing: Iterable[router_pb2.StreamRequest],
        operation: Operation,
        on_end: Callable[[], None],
        deadline: Deadline | None = None,
    ) -> None:
        self.complete = False
        self._link = link
        self._operation = operation
        self._deadline = deadline or Deadline(None)
        self._cancelled = False
        with interruptible:
            stub = link.stub
            metadata = (*link.metadata, (REQUEST_KEY, request), (CLIENT_KEY, link.client))
            self._call: Any = started(lambda: stub.stream(_noted(outgoing, link), metadata=metadata))
        if not self._call.add_callback(on_end):
            on_end()
        self.metadata: dict[str, str] = {}
        try:
            self._open()
        except BaseException:
            self.cancel()
            raise

    def _open(self) -> None:
        """Wait for the initial metadata, by which the exporter says that the far side is open."""
        limit = self._deadline.within(OPEN_S)
        with Watchdog(limit.at_most(OPEN_S), self._call.cancel) as watchdog, interruptible:
            metadata = self._call.initial_metadata()
        if watchdog.barked:
            raise OperationTimeout(
                f"{self._operation.driver} did not open its stream for '{self._operation.method}' "
                f"within {format_duration(limit.timeout or 0)}."
            )
        self.metadata = {key: str(value) for key, value in metadata or ()}
        if not self.metadata and not self._call.is_active():
            self._raise_refusal()

    def handle(self) -> tuple[dict[str, Any], str | None]:
        """Return the handle of a resource stream, and the content encoding that the exporter will decode.

        None means that it says nothing about encodings, as old exporters do.

        Raises:
            InfrastructureError: The exporter gave no handle.
        """
        try:
            return dict(json.loads(self.metadata[RESOURCE_KEY])), self.metadata.get(ACCEPT_ENCODING_KEY)
        except (KeyError, ValueError, TypeError) as error:
            raise InfrastructureError(
                f"The exporter opened a stream for {self._operation.text}, but gave no usable resource handle."
            ) from error

    def __iter__(self) -> Iterator[bytes]:
        frames = iter(self._call)
        try:
            while True:
                with interruptible:
                    frame = next(frames, None)
                if frame is None:
                    return
                self._link.heard()
                if frame.frame_type == FRAME_TYPE_GOAWAY:
                    self.complete = True
                    return
                # PING and RST_STREAM carry nothing, and an empty DATA frame is not an end.
                if frame.frame_type == FRAME_TYPE_DATA and frame.payload:
                    yield frame.payload
        except grpc.RpcError as error:
            if not self._cancelled:
                raise translate(error, self._link, self._operation, self._deadline) from error

    def flush(self, outbox: Outbox) -> None:
        """Let the exporter take what was sent just now, for a second at most.

        Nothing on the wire tells that it has. But it forgets what it has not read when the RPC is cancelled; so it is
        asked something, once for the data to arrive there, and once for it to be handed on.
        """
        if outbox.drained(FLUSH_S) and self._link.barrier():
            self._link.barrier()

    def cancel(self) -> None:
        """End the RPC. The exporter keeps a finished stream's device open until then. Never fails."""
        self._cancelled = True
        self._call.cancel()

    def _raise_refusal(self) -> NoReturn:
        if self._call.code() is grpc.StatusCode.OK:
            raise InfrastructureError(f"The exporter ended {self._operation.text} as soon as it was open.")
        raise translate(self._call, self._link, self._operation, self._deadline) from self._call


def _noted(outgoing: Iterable[router_pb2.StreamRequest], link: Link) -> Iterator[router_pb2.StreamRequest]:
    """Yield frames to send. That gRPC takes another one is a sign of life: the exporter makes room for it."""
    for frame in outgoing:
        yield frame
        link.heard()


class ByteStream:
    """A two-way byte stream to a driver, for callers who send and receive by turns.

    A daemon thread receives into a bounded buffer, so that ``receive`` can have a timeout; when the buffer is full the
    exporter is held back. Use it as a context manager: leaving it frees the device on the exporter.

    Args:
        link: The link to open it on.
        request: The request text that says which stream (see ``protocol.streams``).
        operation: What is asked, for messages.
        heard: Called with everything that comes, as it comes, in a thread of the stream. Default: nothing.
        deadline: For opening it. Default: 30 seconds.
    """

    INBOX_LIMIT = 4 * 1024 * 1024

    def __init__(
        self,
        link: Link,
        request: str,
        operation: Operation,
        heard: Callable[[bytes], None] = lambda _data: None,
        deadline: Deadline | None = None,
    ) -> None:
        self._heard = heard
        self._outbox = Outbox()
        self._inbox = bytearray()
        self._condition = threading.Condition()
        self._ended = False
        self._closed = False
        self._error: InfrastructureError | None = None
        self._changed: Callable[[], None] = lambda: None
        self._frames = Frames(link, request, self._outbox, operation, self._outbox.kill, deadline)
        threading.Thread(target=self._pump, name="jumpstarter-stream", daemon=True).start()

    def send(self, data: bytes, timeout: Seconds = None) -> None:
        """Send bytes, in frames of at most 1 MiB; waits while the exporter is held up.

        Raises:
            OperationTimeout: The far side took nothing within ``timeout`` (default: no limit).
            LinkError: The stream is closed.
        """
        deadline = Deadline.of(timeout)
        if 0 < len(data) <= FRAME and type(data) is bytes:
            self._outbox.put(data, deadline)  # no copy
            return
        view = memoryview(data)
        for start in range(0, len(view), FRAME):
            self._outbox.put(bytes(view[start : start + FRAME]), deadline)

    def send_eof(self) -> None:
        """End our direction; the far side still may send."""
        self._outbox.end()

    def receive(self, max_bytes: int = 65536, timeout: Seconds = None) -> bytes:
        """Return between 1 and ``max_bytes`` bytes, or ``b""`` at the end of data.

        Raises:
            OperationTimeout: Nothing came within ``timeout`` (default: no limit). Nothing is lost.
            InfrastructureError: The stream broke.
        """
        deadline = Deadline.of(timeout)
        with self._condition:
            while not self._inbox and not self._ended:
                if not clock.wait(self._condition, deadline.at_most(1.0)) and deadline.expired:
                    raise OperationTimeout(
                        f"No data on the byte stream within {format_duration(deadline.timeout or 0)}."
                    )
            return self._take(max_bytes)

    def poll(self, max_bytes: int = 65536) -> bytes | None:
        """Return what ``receive`` would, if it is there already, else None.

        Raises:
            InfrastructureError: The stream broke.
        """
        with self._condition:
            return self._take(max_bytes) if self._inbox or self._ended else None

    def watch(self, changed: Callable[[], None]) -> None:
        """Call a function, in a thread of the stream, whenever there is something new for ``poll``; also once now."""
        self._changed = changed
        changed()

    @property
    def waiting(self) -> int:
        """Bytes that were sent, and that gRPC has not asked for yet."""
        return self._outbox.waiting

    @property
    def buffered(self) -> int:
        """Bytes that have come, and that no caller has received yet."""
        return len(self._inbox)

    def _take(self, max_bytes: int) -> bytes:
        if self._inbox:
            data = bytes(self._inbox[:max_bytes])
            del self._inbox[:max_bytes]
            self._condition.notify_all()
            return data
        if self._error is not None:
            raise self._error
        return b""

    def close(self, *, flush: bool = True) -> None:
        """End the stream and free the device on the exporter. Closing twice is fine.

        Args:
            flush: Whether what was sent a moment before gets up to a second to arrive. Default: yes.
        """
        if flush and not self._closed:
            self._frames.flush(self._outbox)
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._outbox.kill()
        self._frames.cancel()

    def _pump(self) -> None:
        try:
            for data in self._frames:
                self._heard(data)
                with self._condition:
                    self._inbox += data
                    self._condition.notify_all()
                self._changed()
                with self._condition:
                    while len(self._inbox) >= self.INBOX_LIMIT and not self._closed:
                        self._condition.wait()
        except InfrastructureError as error:
            self._error = error
        finally:
            with self._condition:
                self._ended = True
                self._condition.notify_all()
            self._changed()

    def __enter__(self) -> ByteStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
