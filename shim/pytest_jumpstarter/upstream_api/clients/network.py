"""Clients of network drivers: a byte stream, and local ports that forward to it."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from JumpstarterLibrary.client.drivers.network import NetworkMethods, NetworkProxy
from pytest_jumpstarter.upstream_api.clients.adapters.dbus import DbusAdapter
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.optional import commands

KIND_LABEL = "jumpstarter.dev/dbusnetwork/kind"


class NetworkClient(NetworkMethods, DriverClient):
    """A network function of the device: TCP, UDP, unix socket, WebSocket."""

    PROXY = NetworkProxy

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("network").network(self)


class DbusNetworkClient(NetworkClient):
    """A D-Bus of the device. Inside a ``with`` block it is that of this process."""

    @property
    def kind(self) -> str:
        """``system`` or ``session``."""
        return self.labels[KIND_LABEL]

    def __enter__(self) -> None:
        with ExitStack() as stack:
            stack.enter_context(DbusAdapter(client=self))
            self._buses.append(stack.pop_all())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._buses.pop().close()

    @property
    def _buses(self) -> list[ExitStack]:
        buses: list[ExitStack] = self.__dict__.setdefault("_entered", [])
        return buses


def parse_address(address: str) -> tuple[str, str]:
    """Return host and port of an address, each empty if it has none: ``tcp://[::1]:22`` gives ``::1`` and ``22``."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    return parts.hostname or "", str(parts.port or "")


def strip_scheme(address: str) -> str:
    """Return an address without what is before ``://``."""
    return address.partition("://")[2] or address
