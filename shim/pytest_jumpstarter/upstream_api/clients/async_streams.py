"""Byte streams of clients as async streams, for adapters, port forwards and consoles."""

from __future__ import annotations

from typing import Any

from JumpstarterLibrary.client import DriverProxy
from JumpstarterLibrary.client.forward import Opener
from JumpstarterLibrary.errors import InfrastructureError, LinkError
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
            LinkError: The stream is over.
        """
        import anyio

        try:
            self._portal.call(self._stream.send, data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise LinkError("The byte stream is closed; nothing more can be sent on it.") from error

    def send_eof(self) -> None:
        """End our direction."""
        self._portal.call(self._stream.send_eof)

    def receive(self, max_bytes: int) -> bytes:  # noqa: ARG002 - pieces are as the stream has them
        """Return the next bytes; none at the end of the data.

        Raises:
            InfrastructureError: The stream broke.
        """
        import anyio

        try:
            while not (data := self._portal.call(self._stream.receive)):
                pass  # an empty piece is no end
            return bytes(data)
        except anyio.EndOfStream:
            return b""
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise InfrastructureError("The byte stream broke.") from error

    def close(self, *, flush: bool = True) -> None:  # noqa: ARG002 - anyio knows no such choice
        """End it. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            self._context.__exit__(None, None, None)
