"""The handle by which a client reaches its driver."""

from __future__ import annotations

from dataclasses import dataclass

from JumpstarterLibrary.client import Device, DriverProxy
from JumpstarterLibrary.client.tree import Node
from JumpstarterLibrary.errors import UsageError


@dataclass(frozen=True, eq=False, repr=False)
class DriverHandle:
    """A driver of a connected device; what clients get as ``stub``.

    Attributes:
        device: The device.
        node: The driver's place in its tree.
    """

    device: Device
    node: Node

    @property
    def proxy(self) -> DriverProxy:
        """The proxy that the device has for it."""
        return self.device.proxy(self.node)

    def __repr__(self) -> str:
        return f"<DriverHandle of {self.node.path or '(root)'!r} on {self.device.link.name!r}>"


def proxy_of(client: object) -> DriverProxy:
    """Return the proxy behind a client; a proxy is its own.

    Raises:
        UsageError: There is none: the client was not made for a connected device.
    """
    return client if isinstance(client, DriverProxy) else _handle_of(client).proxy


def device_of(client: object) -> Device:
    """Return the connected device that a client belongs to.

    Raises:
        UsageError: There is none: the client was not made for a connected device.
    """
    return _handle_of(client).device


def _handle_of(client: object) -> DriverHandle:
    handle = getattr(client, "stub", None)
    if isinstance(handle, DriverHandle):
        return handle
    raise UsageError(
        f"This {type(client).__name__} belongs to no connected driver. Take the client from a fixture, a lease or "
        f"serve(), and do not construct it."
    )
