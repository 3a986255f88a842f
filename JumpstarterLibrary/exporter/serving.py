"""Serve sessions on unix sockets and TCP ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from JumpstarterLibrary.common.unix_sockets import check_path, private_directory, remove_directory
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.memory import keep_large_blocks
from JumpstarterLibrary.exporter.passphrase import PassphraseInterceptor
from JumpstarterLibrary.exporter.servicer import Servicer
from JumpstarterLibrary.exporter.session import Session
from JumpstarterLibrary.exporter.starting import start_server
from JumpstarterLibrary.protocol import EXPORTER, ROUTER, service_handler

DRAIN_LIMIT_S = 5.0
"""Seconds that cancelled RPCs get to clean up."""


_OPTIONS = (
    # Without it, two exporters could share a port and its calls.
    ("grpc.so_reuseport", 0),
    # RPCs of one connection: its further ones wait in the client.
    ("grpc.max_concurrent_streams", 512),
)


@asynccontextmanager
async def serve_unix(session: Session, path: str | Path | None = None) -> AsyncIterator[str]:
    """Serve a session on a unix socket, and yield its path.

    Args:
        session: The session; it is entered unless the caller has entered it.
        path: The socket; by default ``socket`` in a new directory that only this user may enter.

    Raises:
        ConfigurationError: The path is too long, or cannot be bound.
    """
    directory = private_directory() if path is None else None
    socket = directory / "socket" if directory is not None else Path(path or "")
    try:
        check_path(socket)
        async with _server(session, (), lambda server: server.add_insecure_port(f"unix:{socket}"), str(socket)):
            yield str(socket)
    finally:
        socket.unlink(missing_ok=True)
        if directory is not None:
            remove_directory(directory)


@asynccontextmanager
async def serve_tcp(
    session: Session,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    certificate: bytes | None = None,
    key: bytes | None = None,
    passphrase: str | None = None,
    credentials: grpc.ServerCredentials | None = None,
    interceptors: Sequence[Any] = (),
) -> AsyncIterator[str]:
    """Serve a session on a TCP port, and yield ``host:port``.

    Args:
        session: The session; it is entered unless the caller has entered it.
        host: The address to bind.
        port: The port; 0 takes a free one.
        certificate: Certificate chain as PEM text, for TLS; without it and ``key`` the port speaks plain text.
        key: Private key as PEM text.
        passphrase: What clients must send; by default nothing.
        credentials: gRPC's own server credentials, in place of certificate and key.
        interceptors: gRPC's own server interceptors, beside the one for the passphrase.

    Raises:
        ConfigurationError: The port cannot be bound, or of certificate and key only one was given.
    """
    if (certificate is None) != (key is None):
        raise ConfigurationError("TLS needs a certificate and its key. Give both, or neither for plain text.")
    if certificate is not None and key is not None:
        credentials = grpc.ssl_server_credentials([(key, certificate)])
    if not _is_loopback(host):
        # Clients of other hosts have no business with services that listen for this one only.
        session.fetch_loopback = False
    address = f"[{host}]" if ":" in host else host
    bound = 0

    def add_port(server: grpc.aio.Server) -> int:
        nonlocal bound
        if credentials is None:
            bound = server.add_insecure_port(f"{address}:{port}")
        else:
            bound = server.add_secure_port(f"{address}:{port}", credentials)
        return bound

    guards = () if passphrase is None else (PassphraseInterceptor(passphrase),)
    async with _server(session, (*guards, *interceptors), add_port, f"{address}:{port}"):
        yield f"{address}:{bound}"


@asynccontextmanager
async def _server(
    session: Session,
    interceptors: tuple[Any, ...],
    add_port: Callable[[grpc.aio.Server], int],
    address: str,
) -> AsyncIterator[None]:
    keep_large_blocks()
    servicer = Servicer(session)
    server = grpc.aio.server(interceptors=interceptors, options=_OPTIONS)
    server.add_generic_rpc_handlers((service_handler(EXPORTER, servicer), service_handler(ROUTER, servicer)))
    try:
        add_port(server)
    except RuntimeError as error:
        raise ConfigurationError(
            f"The exporter cannot listen on {address}: {error}. Is another process using it?"
        ) from error
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(session)
        except BaseException:
            # gRPC closes the socket of a server only where it was started.
            servicer.begin_closing()
            await start_server(server)
            await server.stop(None)
            raise
        stack.push_async_callback(servicer.drained, DRAIN_LIMIT_S)
        stack.push_async_callback(server.stop, session.grace)
        stack.callback(servicer.begin_closing)
        await start_server(server)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
