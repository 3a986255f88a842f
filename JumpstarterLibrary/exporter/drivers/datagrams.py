"""Datagrams to a service that the exporter reaches by UDP."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.exporter.driver import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.addresses import check_port, joined, told
from JumpstarterLibrary.exporter.drivers.network import NetworkInterface
from JumpstarterLibrary.exporter.streams import ClosedStream, EndOfStream, StreamMixin

DATAGRAM_LIMIT = 1024
"""Datagrams that wait for a reader; like a full socket buffer, what comes beyond them is lost."""


@dataclass(kw_only=True, eq=False)
class UdpNetwork(NetworkInterface, Driver):
    """A UDP service. One chunk of the stream is one datagram.

    Attributes:
        host: Name or IP address, as the exporter knows it.
        port: UDP port.
        enable_address: Whether clients may ask for the address, to send there without the exporter; default yes.
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
    async def connect(self) -> AsyncIterator[DatagramStream]:
        """Open a new socket, which sends to the service and takes datagrams only from it.

        Raises:
            ConnectionError: The name cannot be resolved, or there is no way to the address.
        """
        self.logger.debug("sending datagrams to %s", joined(self.host, self.port))
        async with await DatagramStream.connect(self.host, self.port) as stream:
            yield stream

    @export
    def address(self) -> str:
        """Return ``udp://ip:port``; the name is resolved here, IPv6 addresses are in brackets.

        Raises:
            ValueError: The configuration does not allow it.
            ConnectionError: The name cannot be resolved.
        """
        return told("udp", self.host, self.port, self.enable_address)


class DatagramStream(asyncio.DatagramProtocol, StreamMixin):
    """A connected UDP socket as a stream; made by ``connect``."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._arrived: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._closed = False
        self._writable = asyncio.Event()
        self._writable.set()

    @classmethod
    async def connect(cls, host: str, port: int) -> DatagramStream:
        """Open a socket for one service.

        Raises:
            ConnectionError: The name cannot be resolved, or there is no way to the address.
        """
        loop = asyncio.get_running_loop()
        try:
            _, stream = await loop.create_datagram_endpoint(cls, remote_addr=(host, port))
        except OSError as error:
            raise ConnectionError(f"The exporter cannot send datagrams to {joined(host, port)}: {error}.") from error
        return stream

    async def send(self, data: bytes) -> None:
        """Send one datagram.

        Raises:
            ClosedStream: The stream is closed.
        """
        await self._writable.wait()
        if self._closed or self._transport is None:
            raise ClosedStream("the socket is closed")
        self._transport.sendto(data)

    async def receive(self) -> bytes:
        """Return the next datagram.

        Raises:
            EndOfStream: The stream is closed.
        """
        while not self._arrived:
            if self._closed:
                raise EndOfStream
            self._news.clear()
            await self._news.wait()
        return self._arrived.popleft()

    async def send_eof(self) -> None:
        """Do nothing: datagrams have no end of data."""

    async def aclose(self) -> None:
        """Close the socket. Tasks that wait for a datagram wake up."""
        self._closed = True
        self._news.set()
        self._writable.set()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        """Take the socket; asyncio calls this."""
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Note that the socket is closed; asyncio calls this."""
        self._closed = True
        self._news.set()
        self._writable.set()

    def datagram_received(self, data: bytes, address: Any) -> None:  # noqa: ARG002
        """Keep a datagram; asyncio calls this."""
        if len(self._arrived) < DATAGRAM_LIMIT:
            self._arrived.append(data)
        self._news.set()

    def error_received(self, error: Exception) -> None:
        """Do nothing: a datagram is lost, for example because no service listens there yet; asyncio calls this."""

    def pause_writing(self) -> None:
        """Let senders wait; asyncio calls this."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let senders go on; asyncio calls this."""
        self._writable.set()
