"""Drivers and their clients in one process: for tests of drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from JumpstarterLibrary import exporter
from JumpstarterLibrary.client import Device, DirectConnection
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.factory import Allow, build_clients
from pytest_jumpstarter.upstream_api.config.threads import entered


@contextmanager
def serve(root_device: exporter.Driver) -> Iterator[DriverClient]:
    """Serve a driver from this process, and yield a client for it that is connected over a unix socket.

    All client classes that the driver and its children name are imported: the drivers are the caller's own.

    Args:
        root_device: The driver, perhaps with children.

    Raises:
        ConfigurationError: It cannot be served.
    """
    with _served(root_device, None) as client:
        yield client


@asynccontextmanager
async def serve_async(
    root_device: exporter.Driver,
    portal: Any = None,
    stack: Any = None,  # noqa: ARG001 - upstream's; what clients open is closed with the connection
) -> AsyncIterator[DriverClient]:
    """Serve a driver as ``serve`` does, from a coroutine.

    Args:
        root_device: The driver, perhaps with children.
        portal: anyio's portal for the client. Default: one that starts on first use.
        stack: Not needed.
    """
    async with entered(lambda _tick: _served(root_device, portal)) as client:
        yield client


@contextmanager
def _served(root_device: exporter.Driver, portal: Any) -> Iterator[DriverClient]:
    with exporter.serve(root_device) as served, _connected(served.host) as device:
        yield build_clients(device, Allow(unsafe=True), portal=portal)


def _connected(host: str) -> Device:
    return Device.connect(DirectConnection.from_arguments(host, environ={}))
