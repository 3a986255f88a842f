"""Clients for drivers whose own client class is not here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.errors import DriverMethodNotImplemented
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.driver_handle import DriverHandle
from pytest_jumpstarter.upstream_api.clients.importing import advice
from pytest_jumpstarter.upstream_api.clients.streams import BlockingStream

CLIENT_LABEL = "jumpstarter.dev/client"


class MissingClient(DriverMethodNotImplemented, ImportError):
    """The driver has no such method, and the class that might have one is not here."""

    code = "JMP-MISSING-CLIENT"


@dataclass(kw_only=True, eq=False, repr=False)
class StubDriverClient(DriverClient):
    """A driver whose client class is not here. What the driver itself offers can be called all the same, by any name.

    Only the methods that the missing class would have added are not there: a call that the driver does not know raises
    an error that is an ``ImportError`` as well, and says why the class is not here.
    """

    reason: str | None = None
    """Why the class is not here, if that is known."""

    def call(self, method: str, *args: object, timeout: Seconds = None) -> Any:
        """Call a method of the driver by its name; see `DriverClient.call`."""
        self._check()
        try:
            return super().call(method, *args, timeout=timeout)
        except DriverMethodNotImplemented as error:
            raise self._missing(error) from error.__cause__

    def streamingcall(self, method: str, *args: object, timeout: Seconds = None) -> Iterator[Any]:
        """Call a streaming method of the driver by its name; see `DriverClient.streamingcall`."""
        self._check()
        try:
            yield from super().streamingcall(method, *args, timeout=timeout)
        except DriverMethodNotImplemented as error:
            raise self._missing(error) from error.__cause__

    @contextmanager
    def stream(self, method: str = "connect") -> Iterator[BlockingStream]:
        """Open a byte stream to the driver; see `DriverClient.stream`."""
        self._check()
        with ExitStack() as stack:
            try:
                opened = stack.enter_context(super().stream(method))
            except DriverMethodNotImplemented as error:
                raise self._missing(error) from error.__cause__
            yield opened

    @contextmanager
    def log_stream(self) -> Iterator[None]:
        """Copy the exporter's log to Python's loggers; see `DriverClient.log_stream`."""
        self._check()
        with super().log_stream():
            yield

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        if name.startswith("_") or name == "logger":
            raise AttributeError(name)
        if name in self.__dict__.get("children", ()):
            return self.children[name]
        return self._method(name)

    def _method(self, name: str) -> Callable[..., Any]:
        def method(*args: object, timeout: Seconds = None) -> Any:
            return self.call(name, *args, timeout=timeout)

        method.__name__ = method.__qualname__ = name
        return method

    def _check(self) -> None:
        if not isinstance(self.stub, DriverHandle):
            raise self._missing(None)

    def _missing(self, error: DriverMethodNotImplemented | None) -> MissingClient:
        known = f"{error} " if error is not None else ""
        return MissingClient(f"{known}{self.reason or advice(self.labels.get(CLIENT_LABEL, ''))}")
