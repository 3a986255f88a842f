"""Connections from the exporter to something that it reaches by network or unix socket."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from JumpstarterLibrary.exporter.driver import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.loopback import LoopbackStream
from JumpstarterLibrary.exporter.streams import ByteStream, SocketStream


class _NetworkLabel:
    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_network.client.NetworkClient"


@dataclass(kw_only=True, eq=False)
class EchoNetwork(_NetworkLabel, Driver):
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
class TcpNetwork(_NetworkLabel, Driver):
    """A TCP service.

    Attributes:
        host: Name or IP address, as the exporter knows it.
        port: TCP port.
        enable_address: Whether clients may ask for the address, to connect without the exporter; default yes.
    """

    host: str
    port: int
    enable_address: bool = True

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        """Connect.

        Raises:
            ConnectionError: Nobody answers there.
        """
        place = f"{self.host}:{self.port}"
        self.logger.debug("connecting to %s", place)
        stream = await _connected(SocketStream.connect_tcp(self.host, self.port), place)
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
        if not self.enable_address:
            raise ValueError(
                "This driver does not tell its address. Use its stream, or set 'enable_address: true' in the exporter."
            )
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise ConnectionError(f"The exporter cannot resolve {self.host!r}: {error.strerror}.") from error
        family, _, _, _, address = found[0]
        ip = f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0])
        return f"tcp://{ip}:{self.port}"


@dataclass(kw_only=True, eq=False)
class UnixNetwork(_NetworkLabel, Driver):
    """A service on a unix socket.

    Attributes:
        path: The socket, on the exporter.
    """

    path: str

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        """Connect.

        Raises:
            ConnectionError: Nobody answers there.
        """
        self.logger.debug("connecting to %s", self.path)
        stream = await _connected(SocketStream.connect_unix(self.path), self.path)
        try:
            yield stream
        finally:
            await stream.aclose()


async def _connected(connecting: Awaitable[SocketStream], place: str) -> SocketStream:
    try:
        return await connecting
    except OSError as error:
        raise ConnectionError(
            f"The exporter cannot connect to {place}: {error}. Check that the service runs, and the driver's address."
        ) from error
