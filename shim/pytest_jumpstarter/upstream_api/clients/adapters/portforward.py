"""Local ports that forward to a driver."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from JumpstarterLibrary.client import TcpForward, UnixForward
from pytest_jumpstarter.upstream_api.clients.async_streams import opener_of


@contextmanager
def TcpPortforwardAdapter(
    *, client: Any, method: str = "connect", local_host: str = "127.0.0.1", local_port: int = 0
) -> Iterator[tuple[str, int]]:
    """Listen on a local TCP port, and yield its host and port.

    Args:
        client: The driver; every connection gets a byte stream of its own to it.
        method: Its stream method.
        local_host: Local address to listen on. Default: loopback.
        local_port: Local port. Default: any free one.
    """
    with TcpForward(opener_of(client), local_host, local_port, method) as forward:
        yield forward.host, forward.port


@contextmanager
def UnixPortforwardAdapter(
    *, client: Any, method: str = "connect", path: str | os.PathLike[str] | None = None
) -> Iterator[str | os.PathLike[str]]:
    """Listen on a local unix socket, and yield its path.

    Args:
        client: The driver; every connection gets a byte stream of its own to it.
        method: Its stream method.
        path: The socket's path, yielded as it is given. Default: a `Path` in a private directory.
    """
    with UnixForward(opener_of(client), None if path is None else os.fspath(path), method) as forward:
        yield Path(forward.path) if path is None else path


async def handler(client: Any, method: str, conn: Any) -> None:
    """Copy both ways between a connection of anyio's and a stream of a driver, until both have ended.

    Args:
        client: The driver.
        method: Its stream method.
        conn: The connection, which is closed in the end.
    """
    from pytest_jumpstarter.upstream_api.exporter.streams import forward_stream

    async with conn, client.stream_async(method) as stream, forward_stream(conn, stream):
        pass
