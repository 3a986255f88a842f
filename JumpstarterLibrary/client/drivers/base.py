"""Bases of the classes for drivers: of the kinds, which both faces have, and of the driver proxies."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import grpc

from JumpstarterLibrary.client.call_record import CallRecord
from JumpstarterLibrary.client.deadline import Deadline, Seconds, seconds
from JumpstarterLibrary.client.interrupts import interruptible, started
from JumpstarterLibrary.client.pending import PendingCall
from JumpstarterLibrary.client.sink import DownloadSink
from JumpstarterLibrary.client.source import RemoteSource, Source, shown_url
from JumpstarterLibrary.client.status import Operation, translate
from JumpstarterLibrary.client.stream import ByteStream
from JumpstarterLibrary.client.transfers import ResourceTransfer, Transfer
from JumpstarterLibrary.errors import (
    FaultClass,
    LinkError,
    OperationTimeout,
    TransferError,
    UnsupportedValue,
    UsageError,
)
from JumpstarterLibrary.hints import argument
from JumpstarterLibrary.protocol import ValueEncodingError, decode, encode, jumpstarter_pb2
from JumpstarterLibrary.protocol.names import MESSAGE_LIMIT
from JumpstarterLibrary.protocol.streams import driver_stream_request
from JumpstarterLibrary.types import Compression

if TYPE_CHECKING:
    from typing import BinaryIO

    from JumpstarterLibrary.client.link import Link
    from JumpstarterLibrary.client.power_tracker import PowerTracker
    from JumpstarterLibrary.client.resource import ResourceHandle, ResourceHandles
    from JumpstarterLibrary.client.timing import Timing
    from JumpstarterLibrary.client.tree import Node


class DriverContext(Protocol):
    """What a driver proxy needs of its device."""

    @property
    def link(self) -> Link:
        """The link to the exporter."""

    @property
    def present(self) -> Link:
        """The link as it is, without waiting for a new one."""

    @property
    def resource_handles(self) -> ResourceHandles:
        """The handles that calls may get among their arguments."""

    @property
    def powers(self) -> PowerTracker:
        """The power states of the device's boards."""

    @property
    def name_suffix(self) -> Callable[[], str]:
        """Returns what messages add to the names of the device's drivers and consoles."""

    @property
    def secrets(self) -> Callable[[], Iterable[str]]:
        """Returns the tokens and passphrases that neither transcripts nor messages may show."""

    def ready(self, deadline: Deadline | None = None, /) -> Link:
        """Return the link, for a call that begins now. It may have to be connected anew, until a deadline."""

    def proxy(self, node: Node, /) -> DriverProxy:
        """Return the proxy for a node."""

    def timing_of(self, driver: DriverProxy, /) -> Timing:
        """Return the timing of a driver's board."""


class DriverMethods:
    """The base of the classes for one kind of driver each, such as `PowerMethods`.

    Their methods have upstream's names and serve both faces: a driver proxy of the core is such a class on top of
    `DriverProxy`, a client class of upstream's interface one on top of the shim's ``DriverClient``. Every public method
    may be overridden by a user's client class, so that methods call each other by ``self``.
    """

    @property
    def _driver_proxy(self) -> DriverProxy:
        """The proxy of the driver: its path for messages, its timing, its link."""
        raise NotImplementedError

    def call(self, method: str, *args: object, timeout: Seconds = None) -> Any:
        """Call a unary method and return its result."""
        raise NotImplementedError

    def streamingcall(self, method: str, *args: object, timeout: Seconds = None) -> Iterator[Any]:
        """Call a streaming method and return an iterator over its results."""
        raise NotImplementedError

    def _driver_call(self, method: str, *args: object, timeout: Seconds = None) -> Any:
        """Call a unary method by ``call``, which a user's client class may have without ``timeout``."""
        return self.call(method, *args) if seconds(timeout) is None else self.call(method, *args, timeout=timeout)

    def _driver_results(self, method: str, *args: object) -> Generator[Any, None, None]:
        """Call a streaming method and yield its results; closing the generator cancels the call."""
        yield from self.streamingcall(method, *args)

    def _uploading(
        self,
        method: str | None,
        source: Source | RemoteSource,
        *,
        compression: Compression = Compression.none,
        hash_content: bool = False,
        timeout: Seconds = None,
    ) -> AbstractContextManager[Any]:
        """Open an upload for a call in the block, which gets its ``handle``.

        Args:
            method: The method that gets the handle, for messages; None if that is not known.
            source: What to send, or what the exporter fetches by itself.
            compression: How the source is compressed; ``auto`` looks at it.
            hash_content: Hash what arrives on the medium, too.
            timeout: For opening the stream. Default: no limit.

        Raises:
            UsageError: A source that is fetched by the exporter cannot be decompressed.
        """
        if isinstance(source, RemoteSource):
            if compression not in (Compression.auto, Compression.none):
                refuse_for_url(source.url, argument("compression"))
            return nullcontext(source)
        if compression is Compression.auto:
            compression = source.compression()
        return self._driver_proxy._transfer(
            method, source=source, compression=compression, hash_content=hash_content, timeout=timeout
        )

    def _downloading(
        self,
        method: str | None,
        sink: DownloadSink | RemoteSource,
        *,
        limit: int | None = None,
        timeout: Seconds = None,
    ) -> AbstractContextManager[Any]:
        """Open a download for a call in the block, which gets its ``handle``.

        Args:
            method: The method that gets the handle, for messages; None if that is not known.
            sink: Where the data goes, or where the exporter sends it by itself.
            limit: Stop after so many bytes. Default: all.
            timeout: For the end of the data. Default: no limit.
        """
        if isinstance(sink, RemoteSource):
            return nullcontext(sink)
        return self._driver_proxy._transfer(method, sink=sink, limit=limit, timeout=timeout)


def call_within(timeout: Seconds, function: Callable[..., Any], *args: object) -> Any:
    """Call a method of a driver with ``timeout``, or without where none is given.

    A user's client class may override the method without that argument, as upstream has it.
    """
    return function(*args) if seconds(timeout) is None else function(*args, timeout=timeout)


def refuse_for_url(url: str, name: str) -> NoReturn:
    """Refuse an argument that needs an image here, for one that the exporter fetches.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        f"{name} needs the image here, and the exporter fetches '{shown_url(url)}' by itself. "
        f"Download the image first, or leave {name} out."
    )


class DriverProxy(DriverMethods):
    """One driver of a connected device.

    Its children are attributes: ``client.dutlink.power``. Any other name is taken for a unary method of the driver:
    ``client.tftp.get_host()``. There is no list of methods on the wire, so a wrong one fails when it is called.
    """

    LABELS: tuple[str, ...] = ()
    """The report labels (upstream's client class paths) that this proxy serves."""

    METHODS = True
    """Whether such a driver has methods; otherwise a name that is no child raises an error that lists the children."""

    def __init__(self, device: DriverContext, node: Node) -> None:
        self._device = device
        self._node = node

    @property
    def _driver_proxy(self) -> DriverProxy:
        return self

    @property
    def _title(self) -> str:
        """The driver as messages name it, with the device where there are several."""
        return (f"driver '{self.path}'" if self.path else "the root driver") + self._device.name_suffix()

    @property
    def _subject(self) -> str:
        """The driver as it begins a sentence of a message."""
        return self._title[:1].upper() + self._title[1:]

    @property
    def name(self) -> str:
        """The driver's name under its parent; empty for the root."""
        return self._node.name

    @property
    def path(self) -> str:
        """The driver path: its dotted place in the exporter's tree."""
        return self._node.path

    @property
    def uuid(self) -> str:
        """The driver instance's uuid; another one in every session."""
        return self._node.uuid

    @property
    def labels(self) -> dict[str, str]:
        """All labels of the driver's report."""
        return self._node.labels

    @property
    def children(self) -> Mapping[str, DriverProxy]:
        """The drivers below, by name."""
        return {name: self._device.proxy(child) for name, child in self._node.children.items()}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self.METHODS and name not in self._node.children:
            return _Method(self, name)
        return self._device.proxy(self._node.child(name))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._node.children]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path or '(root)'!r} of {self._device.link.name!r}>"

    # Calls

    def call(self, method: str, *args: object, timeout: Seconds = None) -> Any:
        """Call a unary method and return its result.

        Args:
            method: The method's name on the exporter.
            args: Its positional arguments; the protocol knows no others.
            timeout: Seconds or timedelta after which the call is cancelled. Default: no limit, because flashing or
                erasing can take tens of minutes.

        Raises:
            UnsupportedValue: An argument cannot travel; nothing was sent.
            DriverError: The driver refused or failed; see ``errors`` for its kinds.
            OperationTimeout: There was no answer in time.
            LinkError: The link broke.
        """
        if self._device.resource_handles.of(args) is not None:
            return self.begin(method, *args, timeout=timeout).result()
        with self._record(method, "unary", args) as record:
            self._begins(method)
            deadline = None if timeout is None else Deadline.of(timeout)
            link = self._device.ready(deadline)
            request = self._request(jumpstarter_pb2.DriverCallRequest, method, args)
            limit = None if deadline is None else deadline.remaining
            try:
                with interruptible:
                    response = link.stub.driver_call(request, timeout=limit, metadata=link.metadata)
            except grpc.RpcError as error:
                raise translate(error, link, self._operation(method, "unary"), deadline) from error
            self._ended(method)
            return record.answered(decode(response.result))

    def begin(self, method: str, *args: object, timeout: Seconds = None) -> PendingCall:
        """Begin a unary call without waiting for its result; see ``call``."""
        handle = self._device.resource_handles.of(args)
        record = self._record(method, "unary", _without_handle(args, handle))
        with record.failing():
            if handle is None:
                return self._begin(method, args, timeout, record)
            return handle.begin(lambda: self._begin(method, args, timeout, record))

    def _begin(self, method: str, args: tuple[object, ...], timeout: Seconds, record: CallRecord) -> PendingCall:
        self._begins(method)
        deadline = None if timeout is None else Deadline.of(timeout)
        link = self._device.ready(deadline)
        request = self._request(jumpstarter_pb2.DriverCallRequest, method, args)
        stub, limit = link.stub, None if deadline is None else deadline.remaining
        future = started(lambda: stub.driver_call.future(request, timeout=limit, metadata=link.metadata))
        operation = self._operation(method, "unary")
        return PendingCall(future, link, operation, deadline, lambda: self._ended(method), record)

    def streamingcall(self, method: str, *args: object, timeout: Seconds = None) -> ResultStream:
        """Call a streaming method and return an iterator over its results.

        Some never end. Leaving the iterator (``close``, or a ``with`` block) cancels the call on the exporter.

        Args:
            method: The method's name on the exporter.
            args: Its positional arguments.
            timeout: For the whole call. Default: no limit.

        Raises:
            UnsupportedValue: An argument cannot travel; nothing was sent.
        """
        handle = self._device.resource_handles.of(args)
        record = self._record(method, "streaming", _without_handle(args, handle))
        with record.failing():
            deadline = Deadline.of(timeout)
            link = self._device.ready(deadline)
            request = self._request(jumpstarter_pb2.StreamingDriverCallRequest, method, args)
            operation = self._operation(method, "streaming")

            def start() -> ResultStream:
                return ResultStream(link, request, operation, deadline, record)

            return start() if handle is None else handle.begin(start)

    def stream(self, method: str = "connect", *, timeout: Seconds = None) -> ByteStream:
        """Open a byte stream to the driver; a context manager.

        Args:
            method: The stream's name on the exporter.
            timeout: Seconds or timedelta until it is open. Default: 30 seconds.

        Raises:
            DriverMethodNotImplemented: The driver has no such stream.
            InfrastructureError: It could not be opened.
        """
        deadline = Deadline.of(timeout)
        link = self._device.ready(deadline)
        request = driver_stream_request(self.uuid, method)
        heard = partial(link.events.heard, self.path)
        return ByteStream(link, request, self._operation(method, "stream"), heard, deadline)

    def _check_exporter(self, method: str, timed_out: OperationTimeout) -> None:
        """Raise if a call without a single result in its time was one to a lost exporter.

        Raises:
            LinkError: The exporter does not answer.
            OperationTimeout: The exporter was looked for until then.
        """
        link = self._device.present
        if timed_out.fault is FaultClass.LAB:
            raise timed_out
        if not link.alive():
            raise LinkError(
                f"Exporter '{link.name}' (from {link.source}) does not answer, so that "
                f"{self._operation(method, '').text} gave no result. Check that the exporter still runs."
            ) from timed_out

    def _begins(self, method: str) -> None:
        """Called before every unary call."""

    def _ended(self, method: str) -> None:
        """Called after every unary call that succeeded."""

    def _upload(
        self,
        method: str,
        source: Source,
        *args: object,
        before: tuple[object, ...] = (),
        compression: Compression = Compression.none,
        hash_content: bool = False,
        timeout: Seconds = None,
    ) -> Transfer:
        """Call a unary method that takes a source as an argument; see ``ResourceTransfer``.

        Args:
            method: The method's name.
            source: What it gets as a resource handle.
            args: Its arguments behind the handle.
            before: Its arguments before the handle.
            compression: How the source is compressed.
            hash_content: Hash what arrives on the medium, too.
            timeout: For the whole transfer. Default: no limit.
        """
        with self._uploading(
            method, source, compression=compression, hash_content=hash_content, timeout=timeout
        ) as sending:
            self.call(method, *before, sending.handle, *args, timeout=timeout)
        sent: Transfer = sending.result()
        return sent

    def _download(
        self,
        method: str,
        sink: DownloadSink | BinaryIO,
        *args: object,
        before: tuple[object, ...] = (),
        limit: int | None = None,
        timeout: Seconds = None,
    ) -> Transfer:
        """Call a unary method that fills a sink; see ``ResourceTransfer``.

        Args:
            method: The method's name.
            sink: Where the bytes go.
            args: Its arguments behind the handle.
            before: Its arguments before the handle.
            limit: Stop after so many bytes. Default: all.
            timeout: For the whole transfer. Default: no limit.
        """
        with self._downloading(method, DownloadSink.of(sink), limit=limit, timeout=timeout) as receiving:
            self.call(method, *before, receiving.handle, *args, timeout=timeout)
        received: Transfer = receiving.result()
        return received

    def _transfer(self, method: str | None, **options: Any) -> ResourceTransfer:
        """Open an upload or a download for calls that get its handle; see ``ResourceTransfer``."""
        operation = self._operation("resource", "stream") if method is None else self._operation(method, "unary")
        handles, silence_s = self._device.resource_handles, self._device.timing_of(self).transfer_silence
        deadline = Deadline.of(options.pop("timeout", None))
        link = self._device.ready(deadline)
        return ResourceTransfer(handles, link, self.uuid, operation, silence_s=silence_s, timeout=deadline, **options)

    def _record(self, method: str, call_type: str, args: tuple[object, ...]) -> CallRecord:
        """Return the record of a call that begins now."""
        return CallRecord(self._device.link.events, self.path, method, call_type, args)

    def _operation(self, method: str, kind: str) -> Operation:
        """Return the words for a call of this driver, for messages."""
        return Operation(f"'{method}' of {self._title}", self._subject, method, kind)

    def _request(self, kind: Any, method: str, args: tuple[object, ...]) -> Any:
        if not args:
            return kind(uuid=self._node.uuid, method=method)
        values = []
        for number, value in enumerate(args, 1):
            try:
                values.append(encode(value))
            except ValueEncodingError as error:
                raise UnsupportedValue(
                    f"Argument {number} of {self._operation(method, '').text} was not sent: {error}."
                ) from error
        request = kind(uuid=self._node.uuid, method=method, args=values)
        if request.ByteSize() > MESSAGE_LIMIT:
            raise UnsupportedValue(
                f"The arguments of {self._operation(method, '').text} were not sent: they take {request.ByteSize()} "
                f"bytes, and exporters accept {MESSAGE_LIMIT} in one message. Use a file or resource for large data."
            )
        return request


def _without_handle(args: tuple[object, ...], handle: ResourceHandle | None) -> tuple[object, ...]:
    """Return the arguments of a call as its record has them: with the name of a file in place of its handle."""
    return args if handle is None else tuple(handle.name if value == handle.value else value for value in args)


class _Method:
    """A unary method by its name on the exporter, waiting for its arguments."""

    def __init__(self, proxy: DriverProxy, name: str) -> None:
        self._proxy, self._name = proxy, name

    def __call__(self, *args: object, timeout: Seconds = None) -> Any:
        return self._proxy.call(self._name, *args, timeout=timeout)

    def __repr__(self) -> str:
        return f"<method {self._name!r} of {self._proxy!r}>"


class ResultStream(Iterator[Any]):
    """The results of a streaming call, as they come; a context manager that cancels the call when left early."""

    def __init__(self, link: Link, request: Any, operation: Operation, deadline: Deadline, record: CallRecord) -> None:
        self.operation = operation
        self._link, self._deadline, self._record = link, deadline, record
        self._closed = False
        self.reason: Exception | None = None
        """Why it was cancelled; raised instead of what gRPC makes of it."""
        with interruptible:
            stub = link.stub
            self._call: Any = started(
                lambda: stub.streaming_driver_call(request, timeout=deadline.remaining, metadata=link.metadata)
            )

    @property
    def succeeded(self) -> bool:
        """Whether the call has ended well; False while it runs."""
        return bool(self._call.done()) and self._call.code() is grpc.StatusCode.OK

    def cancel(self, reason: Exception | None = None) -> None:
        """Cancel the call, if it still runs. Never fails.

        Args:
            reason: What the next look at the results raises then. Default: that it was cancelled.
        """
        if not self._call.done():
            self.reason = self.reason or reason or TransferError(f"{self.operation.text} was cancelled.")
            self._call.cancel()

    def __next__(self) -> Any:
        if self._closed:
            raise StopIteration
        try:
            with interruptible:
                return self._record.brought(decode(next(self._call).result))
        except StopIteration:
            self._closed = True
            self._record.end()
            raise
        except grpc.RpcError as error:
            if self._closed:
                raise StopIteration from None
            self._closed = True
            failure = self.reason or translate(error, self._link, self.operation, self._deadline)
            self._record.end(failure)
            raise failure from (self.reason.__cause__ if self.reason is not None else error)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Cancel the call if it still runs. Closing twice is fine."""
        self._closed = True
        self._call.cancel()
        self._record.end()

    def __enter__(self) -> ResultStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
