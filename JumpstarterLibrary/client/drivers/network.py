"""Network drivers: a byte stream, and local ports that forward to it."""

from __future__ import annotations

from JumpstarterLibrary.client.drivers.base import DriverMethods, DriverProxy
from JumpstarterLibrary.client.forward import TcpForward, UnixForward


class NetworkMethods(DriverMethods):
    """The methods of network drivers, for both faces."""

    def address(self) -> str:
        """Return the far side's address as the exporter sees it, for example ``tcp://10.0.0.2:22``.

        Raises:
            DriverMethodNotImplemented: This kind of network has none.
            DriverInvalidArgument: The exporter's configuration does not tell it.
        """
        return str(self.call("address"))


class NetworkProxy(NetworkMethods, DriverProxy):
    """A network function of the device: TCP, UDP, unix socket, WebSocket, echo."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_network.client.NetworkClient",
        "jumpstarter_driver_network.client.DbusNetworkClient",
        "jumpstarter_driver_adb.client.AdbClient",
    )

    def forward_tcp(self, host: str = "127.0.0.1", port: int = 0, method: str = "connect") -> TcpForward:
        """Listen on a local TCP port; every connection gets a byte stream of its own. A context manager.

        Args:
            host: Local address to listen on. Default: loopback.
            port: Local port. Default: any free one.
            method: The stream method.
        """
        return TcpForward(self, host, port, method)

    def forward_unix(self, path: str | None = None, method: str = "connect") -> UnixForward:
        """Listen on a local unix socket; every connection gets a byte stream of its own. A context manager.

        Args:
            path: The socket's path. Default: one in a private directory.
            method: The stream method.
        """
        return UnixForward(self, path, method)
