"""Connections from the exporter to something that it reaches by network or unix socket."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

from JumpstarterLibrary.exporter.driver import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.addresses import check_port, told
from JumpstarterLibrary.exporter.drivers.loopback import LoopbackStream
from JumpstarterLibrary.exporter.streams import ByteStream, SocketStream


class NetworkInterface(metaclass=ABCMeta):
    """The methods of a network driver, and its label; for drivers to inherit beside ``Driver``."""

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_network.client.NetworkClient"

    @abstractmethod
    def connect(self) -> Any:
        """Yield a byte stream, as an async context manager."""


@dataclass(kw_only=True, eq=False)
class EchoNetwork(NetworkInterface, Driver):
    """A service that sends back what it gets, until the client half-closes."""

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        """Open a stream of one's own echo."""
        stream = LoopbackStream()
        try:
            yield stream
        finally:
            await stream.aclose()


@dataclass(kw_only=True, eq=False)
class TcpNetwork(NetworkInterface, Driver):
    """A TCP service.

    Attributes:
        host: Name or IP address, as the exporter knows it.
        port: TCP port.
        enable_address: Whether clients may ask for the address, to connect without the exporter; default yes.
    """

    host: str
    port: int
    enable_address: bool = True

    def __post_init__(self) -> None:
        """Check the configuration.

        Raises:
            ConfigurationError: The port is beyond the last one.
        """
        super().__post_init__()
        check_port(self.port)

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        """Connect to the TCP port.

        Raises:
            ConnectionError: No service answers there.
        """
        place = f"{self.host}:{self.port}"
        self.logger.debug("connecting to %s", place)
        stream = await connected(SocketStream.connect_tcp(self.host, self.port), place)
        try:
            yield stream
        finally:
            await stream.aclose()

    @export
    def address(self) -> str:
        """Return ``tcp://ip:port``; the name is resolved here, IPv6 addresses are in brackets.

        Raises:
            ValueError: The configuration does not allow it.
            ConnectionError: The name cannot be resolved.
        """
        return told("tcp", self.host, self.port, self.enable_address)


@dataclass(kw_only=True, eq=False)
class UnixNetwork(NetworkInterface, Driver):
    """A service on a unix socket.

    Attributes:
        path: The socket, on the exporter.
    """

    path: str | PathLike[str]

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        """Connect to the unix socket.

        Raises:
            ConnectionError: No service answers there.
        """
        self.logger.debug("connecting to %s", self.path)
        stream = await connected(SocketStream.connect_unix(fspath(self.path)), fspath(self.path))
        try:
            yield stream
        finally:
            await stream.aclose()


async def connected(connecting: Awaitable[SocketStream], place: str) -> SocketStream:
    """Wait for a connection.

    Raises:
        ConnectionError: There is none; the text names the place.
    """
    try:
        return await connecting
    except OSError as error:
        raise ConnectionError(
            f"The exporter cannot connect to {place}: {error}. Check that the service runs, and the driver's address."
        ) from error
