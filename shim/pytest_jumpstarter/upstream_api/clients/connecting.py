"""Connecting to an exporter from a coroutine, as programs do that have an event loop of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, NoReturn

from JumpstarterLibrary.client import Address, Device
from JumpstarterLibrary.errors import UsageError
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.factory import Allow, build_clients
from pytest_jumpstarter.upstream_api.config.direct import DirectLease
from pytest_jumpstarter.upstream_api.config.error_mapping import map_connect_errors
from pytest_jumpstarter.upstream_api.config.sections import TLSConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.threads import entered


@asynccontextmanager
async def client_from_path(
    path: str | os.PathLike[str],
    portal: Any,
    stack: Any,  # noqa: ARG001 - upstream's
    allow: Iterable[str],
    unsafe: bool,
    *,
    tls_config: TLSConfigV1Alpha1 | None = None,
    grpc_options: Mapping[str, Any] | None = None,
    insecure: bool = False,
    passphrase: str | None = None,
) -> AsyncIterator[DriverClient]:
    """Connect to an exporter for the length of a block, and yield the client of its root driver.

    Args:
        path: The path of a unix socket, or ``HOST:PORT``.
        portal: anyio's portal for the clients. None: they start one when they need it.
        stack: Not needed; what clients open is closed with the connection.
        allow: Patterns of client classes that may be imported.
        unsafe: Whether all of them may.
        tls_config: How a TCP connection is secured. Default: TLS, by the authorities of the system.
        grpc_options: Kept, and not used: a connection of ours needs none.
        insecure: No TLS at all.
        passphrase: What the exporter wants with every call.

    Raises:
        ExporterUnreachableError: The exporter cannot be reached.
    """
    lease = DirectLease(
        address=os.fspath(path),
        allow=list(allow),
        unsafe=unsafe,
        tls_config=tls_config or TLSConfigV1Alpha1(ca="", insecure=False),
        grpc_options=grpc_options or {},
        insecure=insecure,
        passphrase=passphrase,
    )

    @contextmanager
    def connect() -> Iterator[DriverClient]:
        with map_connect_errors():
            device = Device.connect(replace(lease._connection(), source="path"))
        with device:
            yield build_clients(device, Allow(tuple(lease.allow), unsafe), portal=portal)

    async with entered(lambda _tick: connect()) as client:
        yield client


async def client_from_channel(*_arguments: Any, **_options: Any) -> NoReturn:
    """Refuse: the connections of this library are its own.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        "A client cannot be made for a channel of grpc.aio: this library's connections are synchronous. Use "
        "client_from_path with the socket's path or HOST:PORT."
    )


def is_tcp_address(path: str) -> bool:
    """Whether an exporter's address is ``HOST:PORT`` rather than the path of a unix socket."""
    host, colon, port = path.rpartition(":")
    return bool(colon) and ((not host and port.isdecimal()) or Address.parse(path).path is None)
