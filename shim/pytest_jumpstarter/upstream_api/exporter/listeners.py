"""Sockets for the length of a block: a path for one, and listeners of anyio."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from JumpstarterLibrary.common.unix_sockets import private_directory, remove_directory
from JumpstarterLibrary.errors import UsageError

Handler = Callable[[Any], Awaitable[object]]
"""Takes a connection, an anyio stream, and deals with it to its end."""


@contextmanager
def TemporarySocket() -> Iterator[Path]:
    """Yield the path for a unix socket, in a directory that only this user may enter and that is removed afterwards."""
    directory = private_directory()
    try:
        yield directory / "socket"
    finally:
        remove_directory(directory)


@asynccontextmanager
async def TemporaryUnixListener(
    handler: Handler, path: str | PathLike[str] | None = None
) -> AsyncIterator[str | PathLike[str]]:
    """Listen on a unix socket while the block runs, and yield its path. Connections end with the block.

    Args:
        handler: Deals with a connection.
        path: The socket. Default: one in a private directory.

    Raises:
        UsageError: anyio is missing.
    """
    anyio = _anyio()
    with ExitStack() as stack:
        place = stack.enter_context(TemporarySocket()) if path is None else path
        async with await anyio.create_unix_listener(place) as listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, handler, tasks)
            try:
                yield place
            finally:
                tasks.cancel_scope.cancel()


@asynccontextmanager
async def TemporaryTcpListener(
    handler: Handler,
    local_host: str | None = "127.0.0.1",
    local_port: int = 0,
    family: socket.AddressFamily = socket.AddressFamily.AF_UNSPEC,
    backlog: int = 65536,
    reuse_port: bool = True,
) -> AsyncIterator[Any]:
    """Listen on a TCP port while the block runs, and yield its address. Connections end with the block.

    Args:
        handler: Deals with a connection.
        local_host: The address to bind. Default: loopback.
        local_port: The port. Default: any free one.
        family: IPv4 or IPv6. Default: what the address asks for.
        backlog: Connections that may wait to be accepted.
        reuse_port: Let others listen on the same port.

    Raises:
        UsageError: anyio is missing.
    """
    anyio = _anyio()
    listening = await anyio.create_tcp_listener(
        local_host=local_host, local_port=local_port, family=family, backlog=backlog, reuse_port=reuse_port
    )
    async with listening as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handler, tasks)
        try:
            yield listener.extra(anyio.abc.SocketAttribute.local_address)
        finally:
            tasks.cancel_scope.cancel()


def _anyio() -> Any:
    try:
        import anyio
        import anyio.abc
    except ImportError as error:
        raise UsageError(
            "Listeners for a block need anyio, which is not installed. Install robotframework-jumpstarter[upstream]."
        ) from error
    return anyio
