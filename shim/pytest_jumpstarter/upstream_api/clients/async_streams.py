"""Byte streams of clients as async streams, for adapters, port forwards and consoles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

from JumpstarterLibrary.client import DriverProxy
from JumpstarterLibrary.client.forward import Opener
from JumpstarterLibrary.errors import LinkError, UsageError
from pytest_jumpstarter.upstream_api.clients.asynchronous import AsyncMethods
from pytest_jumpstarter.upstream_api.clients.driver_handle import proxy_of


def opener_of(client: Any) -> Opener:
    """Return what opens the streams of a client: its driver's proxy, or its own ``stream_async`` if it has one."""
    if isinstance(client, DriverProxy):
        return client
    if getattr(type(client), "stream_async", AsyncMethods.stream_async) is not AsyncMethods.stream_async:
        return AsyncStreamAdapter(client)
    return proxy_of(client)


class AsyncStreamAdapter:
    """The byte streams of a client that opens them by a method of its own."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def path(self) -> str:
        """The client's driver in messages."""
        return proxy_of(self._client).path

    def stream(self, method: str) -> _Stream:
        """Open a stream."""
        return _Stream(self._client, method)


class _Stream:
    """A stream of anyio's with the methods of ours."""

    def __init__(self, client: Any, method: str) -> None:
        self._portal = client.portal
        self._context = self._portal.wrap_async_context_manager(client.stream_async(method))
        self._stream = self._context.__enter__()
        self._closed = False

    def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            LinkError: The stream or the connection to the exporter is closed.
        """
        self._call(self._stream.send, data, broken="The byte stream is closed; nothing more can be sent on it.")

    def send_eof(self) -> None:
        """End our direction.

        Raises:
            LinkError: The stream or the connection to the exporter is closed.
        """
        self._call(self._stream.send_eof, broken="The byte stream is closed; its end cannot be sent.")

    def receive(self, max_bytes: int) -> bytes:  # noqa: ARG002 - pieces are as the stream has them
        """Return the next bytes; none at the end of the data.

        Raises:
            LinkError: The stream broke, or the connection to the exporter is closed.
        """
        import anyio

        try:
            while not (data := self._call(self._stream.receive, broken="The byte stream broke.")):
                pass  # an empty piece is no end
            return bytes(data)
        except anyio.EndOfStream:
            return b""

    def close(self, *, flush: bool = True) -> None:  # noqa: ARG002 - anyio knows no such choice
        """End it. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            with suppress(_PortalClosed):
                self._in_portal(self._context.__exit__, None, None, None)

    def _call(self, method: Any, *arguments: Any, broken: str) -> Any:
        import anyio

        try:
            return self._in_portal(lambda: self._portal.call(method, *arguments))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise LinkError(broken) from error

    def _in_portal(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function that needs the client's portal, which another thread may close meanwhile.

        Raises:
            _PortalClosed: It was closed.
        """
        try:
            return work(*arguments)
        except (UsageError, RuntimeError, CancelledError) as error:
            # A closed portal refuses what is new in three ways, and cancels what runs.
            if not getattr(self._portal, "closed", False):
                raise
            raise _PortalClosed("The byte stream was closed with the connection to its exporter.") from error


class _PortalClosed(LinkError):
    """The client's portal is closed, so that its streams are."""
