"""Resource handles: the stream of a handle, and the calls that get the handle among their arguments.

The order of cancellation matters. An exporter cannot tell a cancelled stream from a finished one, so that cancelling
only the stream of an upload makes the call succeed with truncated data. The call is always cancelled first, and the
stream only when the exporter has seen that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.link import Link
from JumpstarterLibrary.client.status import Operation
from JumpstarterLibrary.client.stream import Frames
from JumpstarterLibrary.protocol import router_pb2
from JumpstarterLibrary.protocol.names import CONTENT_ENCODING_FIELD
from JumpstarterLibrary.protocol.streams import resource_stream_request


class HandledCall(Protocol):
    """A call that has got a handle: a unary one, or one with a stream of results."""

    operation: Operation
    reason: Exception | None

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well; False while it runs."""

    def cancel(self, reason: Exception | None = None) -> None:
        """Cancel it, if it still runs, for a reason that its caller gets."""


AnyCall = TypeVar("AnyCall", bound=HandledCall)


class ResourceHandles:
    """The resource handles of a device that are open, by id."""

    def __init__(self) -> None:
        self._handles: dict[str, ResourceHandle] = {}

    def add(self, handle: ResourceHandle) -> None:
        """Add a handle."""
        self._handles[handle.value["uuid"]] = handle

    def remove(self, handle: ResourceHandle) -> None:
        """Remove a handle."""
        self._handles.pop(handle.value["uuid"], None)

    def of(self, args: tuple[object, ...]) -> ResourceHandle | None:
        """Return the handle that is among the arguments of a call, if there is one."""
        if not self._handles:
            return None
        found = (self._handles.get(str(argument.get("uuid"))) for argument in args if isinstance(argument, dict))
        return next(filter(None, found), None)


class ResourceHandle:
    """A resource stream and the calls that get its handle; open until ``close``.

    Args:
        handles: The handles of the driver's device.
        link: The link to its exporter.
        uuid: The driver instance whose calls may get the handle.
        operation: What the handle is for, for messages.
        name: The file that is sent or received, for records.
        outgoing: The frames to send; gRPC asks for them in a thread of its own.
        on_end: Called once when the stream is over; it has to end ``outgoing``.
        encoding: How the bytes that are sent are compressed, for the exporter to decompress them.
        deadline: For opening it.

    Attributes:
        value: What a call gets as its argument.
        frames: The stream.
        decoded: Whether the exporter decompresses what is sent; otherwise the sender has to.

    Raises:
        InfrastructureError: It could not be opened.
        OperationTimeout: It was not open in time.
    """

    def __init__(
        self,
        handles: ResourceHandles,
        link: Link,
        uuid: str,
        operation: Operation,
        name: str,
        outgoing: Iterable[router_pb2.StreamRequest],
        on_end: Callable[[], None],
        encoding: str | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self._handles, self.link = handles, link
        self._operation, self.name = operation, name
        self._calls: list[HandledCall] = []
        self._error: Exception | None = None
        self._told = self._closed = False
        self._lock = threading.Lock()
        # Without a deadline for its whole life, which would end stream and call at the same time, in any order.
        request = resource_stream_request(uuid, encoding)
        self.frames = Frames(self.link, request, outgoing, operation, on_end, deadline)
        try:
            value, accepted = self.frames.handle()
        except BaseException:
            self.frames.cancel()
            raise
        self.decoded = encoding is None or accepted == encoding
        self.value: dict[str, Any] = value if self.decoded else {**value, CONTENT_ENCODING_FIELD: None}
        self._handles.add(self)

    def begin(self, start: Callable[[], AnyCall]) -> AnyCall:
        """Begin a call that gets the handle.

        Args:
            start: Begins the call.

        Raises:
            TransferError: The data has failed before; nothing was called.
        """
        # Under the lock: a failure meanwhile would end the stream of a call that it knows nothing of.
        with self._lock:
            if self._error is not None:
                self._told = True
                raise self._error
            call = start()
            self._calls.append(call)
            return call

    @property
    def operation(self) -> Operation:
        """The call that has got the handle, for messages; before, what the handle is for."""
        return self._calls[0].operation if self._calls else self._operation

    @property
    def succeeded(self) -> bool:
        """Whether a call that has got the handle has ended well."""
        return any(call.succeeded for call in self._calls)

    @property
    def failed(self) -> bool:
        """Whether the source or the sink has failed."""
        return self._error is not None

    def fail(self, error: Exception) -> None:
        """Record that the source or the sink failed: cancel the calls first, and then the stream."""
        with self._lock:
            if self._error is not None or self._closed:
                return
            self._error = error
        self._end(error)

    def check(self) -> None:
        """Raise the error of ``fail``, unless a call has raised it."""
        if self._error is not None and not self._told and all(call.reason is not self._error for call in self._calls):
            raise self._error

    def close(self) -> None:
        """End the stream; calls that still use it are cancelled first. Closing twice is fine."""
        with self._lock:
            self._closed = True
        self._handles.remove(self)
        self._end(None)

    def _end(self, reason: Exception | None) -> None:
        running = [call for call in self._calls if not call.succeeded]
        for call in running:
            call.cancel(reason)
        if running:
            self.link.barrier()
        self.frames.cancel()
