"""Connections to a service in a virtual machine, by its socket family of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from JumpstarterLibrary.exporter.driver import Driver, exportstream
from JumpstarterLibrary.exporter.drivers.network import NetworkInterface, connected
from JumpstarterLibrary.exporter.streams import READ_SIZE, SocketStream


@dataclass(kw_only=True, eq=False)
class VsockNetwork(NetworkInterface, Driver):
    """A service in a virtual machine that runs on the exporter. Linux only.

    Attributes:
        cid: The machine's context id.
        port: Port of the service in it.
    """

    cid: int
    port: int

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SocketStream]:
        """Connect to the port.

        Raises:
            ConnectionError: No service answers there.
            NotImplementedError: This system has no such sockets.
        """
        place = f"port {self.port} of the virtual machine {self.cid}"
        self.logger.debug("connecting to %s", place)
        async with await connected(self._open(), place) as stream:
            yield stream

    async def _open(self) -> SocketStream:
        family = getattr(socket, "AF_VSOCK", None)
        if family is None:
            raise NotImplementedError("This exporter's system has no vsock sockets. Use TcpNetwork.")
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, (self.cid, self.port))
            return SocketStream(*await asyncio.open_connection(sock=connection, limit=READ_SIZE))
        except BaseException:
            connection.close()
            raise
