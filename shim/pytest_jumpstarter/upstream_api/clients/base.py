"""`DriverClient`: the base class of clients, ours and users'."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID, uuid4

from JumpstarterLibrary.client import DriverProxy
from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.client.drivers import DriverMethods, GenericProxy
from pytest_jumpstarter.upstream_api.clients.asynchronous import AsyncMethods
from pytest_jumpstarter.upstream_api.clients.driver_handle import DriverHandle, device_of, proxy_of
from pytest_jumpstarter.upstream_api.clients.logs import logged
from pytest_jumpstarter.upstream_api.clients.portal import LazyPortal
from pytest_jumpstarter.upstream_api.clients.streams import BlockingStream, DriverStream
from pytest_jumpstarter.upstream_api.clients.trouble import as_driver_error
from pytest_jumpstarter.upstream_api.exporter.metadata import NAME_LABEL


# Fields are spelt loosely, since pydantic's dataclasses look into the types of inherited ones.
@dataclass(kw_only=True, eq=False, repr=False)
class AsyncDriverClient(AsyncMethods):
    """The base of clients: the driver that they belong to, and the methods for coroutines.

    Attributes:
        uuid: The driver instance's id, as the exporter reported it.
        labels: The labels of its report.
        stub: The connection; a `DriverHandle`.
        log_level: The level of the client's logger.
    """

    uuid: UUID = field(default_factory=uuid4)
    labels: dict[str, str] = field(default_factory=dict)
    stub: Any = field(repr=False)
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        """Nothing; there for subclasses that call it."""

    @property
    def name(self) -> str:
        """The driver's name under its parent; ``unknown`` for the root."""
        return self.labels.get(NAME_LABEL, "unknown")

    @cached_property
    def logger(self) -> logging.Logger:
        """The logger of the client's class."""
        logger = logging.getLogger(type(self).__name__)
        logger.setLevel(self.log_level)
        return logger


@dataclass(kw_only=True, eq=False, repr=False)
class DriverClient(AsyncDriverClient, DriverMethods):
    """One driver of a connected exporter. Its children are attributes, too: ``client.dutlink.power``.

    Subclasses add methods that call the driver; they may be dataclasses with fields of their own, also pydantic's.

    Attributes:
        children: The clients of the drivers below, by name.
        portal: anyio's portal, for coroutines; it starts on first use.
        stack: What is open until ``close``.
        description: The exporter's own words for the driver; the help text of its command line.
        methods_description: Help texts by method name.
    """

    PROXY: ClassVar[type[DriverProxy]] = GenericProxy
    """The kind of proxy that such a client wants below it."""

    children: dict[str, Any] = field(default_factory=dict)
    portal: Any = field(default_factory=LazyPortal, repr=False)
    stack: Any = field(default_factory=lambda: ExitStack(), repr=False)
    description: str | None = None
    methods_description: dict[str, str] = field(default_factory=dict)

    @property
    def _driver_proxy(self) -> DriverProxy:
        return proxy_of(self)

    def call(self, method: str, *args: object, timeout: Seconds = None) -> Any:
        """Call a method of the driver and return its result.

        Args:
            method: The method's name on the exporter.
            args: Its positional arguments; the protocol knows no others.
            timeout: Seconds or timedelta after which the call is cancelled. Default: no limit.

        Raises:
            DriverError: The driver refused or failed, or the exporter could not be asked.
            UnsupportedValue: An argument cannot travel; nothing was sent.
        """
        with as_driver_error():
            return proxy_of(self).call(method, *args, timeout=timeout)

    def streamingcall(self, method: str, *args: object, timeout: Seconds = None) -> Iterator[Any]:
        """Call a streaming method, and yield its results as they come. The call is made with the first one.

        Leaving the iterator cancels the call on the exporter.

        Args:
            method: The method's name on the exporter.
            args: Its positional arguments.
            timeout: Seconds or timedelta for the whole call. Default: no limit.

        Raises:
            DriverError: As with ``call``.
        """
        with as_driver_error(), proxy_of(self).streamingcall(method, *args, timeout=timeout) as results:
            yield from results

    @contextmanager
    def stream(self, method: str = "connect") -> Iterator[BlockingStream]:
        """Open a byte stream to the driver for the length of a block.

        Args:
            method: The driver's stream method.

        Raises:
            DriverError: It could not be opened.
        """
        if type(self).stream_async is not AsyncMethods.stream_async:
            with self.portal.wrap_async_context_manager(self.stream_async(method)) as stream:
                yield BlockingStream(stream=stream, portal=self.portal)
            return
        with as_driver_error():
            opened = proxy_of(self).stream(method)
        with opened:
            yield DriverStream(stream=opened, portal=self.portal)

    @contextmanager
    def _uploading(self, method: str | None, source: Any, **options: Any) -> Iterator[Any]:
        with as_driver_error(), super()._uploading(method, source, **options) as sending:
            yield sending

    @contextmanager
    def _downloading(self, method: str | None, sink: Any, **options: Any) -> Iterator[Any]:
        with as_driver_error(), super()._downloading(method, sink, **options) as receiving:
            yield receiving

    def open_stream(self) -> BlockingStream:
        """Open a byte stream to the driver's ``connect``, until ``close`` or the end of the connection."""
        stream: BlockingStream = self.stack.enter_context(self.stream())
        return stream

    @contextmanager
    def log_stream(self) -> Iterator[None]:
        """Copy the exporter's log to Python's loggers while the block runs.

        They are ``exporter:driver``, ``exporter:system``, ``exporter:beforeLease`` and ``exporter:afterLease``.
        """
        with logged(device_of(self)):
            yield

    def close(self) -> None:
        """Close what ``open_stream`` and its like have opened. Closing twice is fine."""
        self.stack.close()

    def __getattr__(self, name: str) -> Any:
        # The error points at the caller's own line.
        __tracebackhide__ = True
        # Also called for fields that an unusual constructor has not set yet.
        children = self.__dict__.get("children")
        if children is not None and name in children:
            return children[name]
        raise AttributeError(
            f"This {type(self).__name__} has no attribute '{name}'{_children_told(children)}.", name=name, obj=self
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.__dict__.get("children", ())]

    def __repr__(self) -> str:
        handle = self.__dict__.get("stub")
        if not isinstance(handle, DriverHandle):
            return f"<{type(self).__name__}>"
        return f"<{type(self).__name__} {handle.node.path or '(root)'!r} of {handle.device.link.name!r}>"


def _children_told(children: dict[str, Any] | None) -> str:
    return f", and none of its drivers has that name: {', '.join(sorted(children))}" if children else ""
