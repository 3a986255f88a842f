"""Connections to a WebSocket service."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.driver import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.addresses import check_allowed
from JumpstarterLibrary.exporter.drivers.network import NetworkInterface
from JumpstarterLibrary.exporter.streams import BrokenStream, EndOfStream, StreamMixin


@dataclass(kw_only=True, eq=False)
class WebsocketNetwork(NetworkInterface, Driver):
    """A WebSocket service. One chunk of the stream is one message.

    Needs the package ``websockets``.

    Attributes:
        url: The service, ``ws://`` or ``wss://``.
        enable_address: Whether clients may ask for the URL, to connect without the exporter; default yes.
    """

    url: str
    enable_address: bool = True

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[WebsocketStream]:
        """Connect to the service.

        Raises:
            ConfigurationError: The package ``websockets`` is missing.
            ConnectionError: No service answers there, or none that speaks WebSocket.
        """
        websockets = _websockets()
        self.logger.debug("connecting to %s", self.url)
        try:
            connecting = websockets.connect(self.url)
            connection = await connecting.__aenter__()
        except (OSError, websockets.exceptions.WebSocketException) as error:
            raise ConnectionError(f"The exporter cannot connect to {self.url}: {error}. Check the URL.") from error
        try:
            yield WebsocketStream(connection)
        finally:
            await connecting.__aexit__(None, None, None)

    @export
    async def address(self) -> str:
        """Return the URL.

        Raises:
            ValueError: The configuration does not allow it.
        """
        check_allowed(self.enable_address)
        return self.url


class WebsocketStream(StreamMixin):
    """A WebSocket connection of the package ``websockets``: sends binary messages, takes text as UTF-8.

    Args:
        connection: The connection. The caller that opened it closes it, or ``aclose`` does.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._errors = _websockets().exceptions

    async def send(self, data: bytes) -> None:
        """Send a binary message.

        Raises:
            BrokenStream: The connection is closed.
        """
        try:
            await self._connection.send(data)
        except self._errors.ConnectionClosed as error:
            raise BrokenStream(f"the WebSocket is closed: {error}") from error

    async def receive(self) -> bytes:
        """Return the next message.

        Raises:
            EndOfStream: The service has closed the connection.
            BrokenStream: It was cut off.
        """
        try:
            message = await self._connection.recv()
        except self._errors.ConnectionClosedOK:
            raise EndOfStream from None
        except self._errors.ConnectionClosed as error:
            raise BrokenStream(f"the WebSocket broke: {error}") from error
        return message.encode() if isinstance(message, str) else bytes(message)

    async def send_eof(self) -> None:
        """Do nothing: a WebSocket cannot be closed in one direction only."""

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.close()


def _websockets() -> Any:
    try:
        importlib.import_module("websockets.exceptions")
        return importlib.import_module("websockets")
    except ImportError as error:
        raise ConfigurationError(
            "WebsocketNetwork needs the package 'websockets'. Install robotframework-jumpstarter[novnc], or websockets."
        ) from error
