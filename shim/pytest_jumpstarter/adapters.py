"""Adapters under upstream's names: they make a driver's byte stream look like something else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from JumpstarterLibrary.client import DriverProxy, PexpectAdapter, TcpForward, UnixForward

__all__ = ["PexpectAdapter", "TcpPortforwardAdapter", "UnixPortforwardAdapter"]


@contextmanager
def TcpPortforwardAdapter(
    *, client: DriverProxy, method: str = "connect", local_host: str = "127.0.0.1", local_port: int = 0
) -> Iterator[tuple[str, int]]:
    """Listen on a local TCP port, and yield its host and port.

    Args:
        client: The driver; every connection gets a byte stream of its own to it.
        method: Its stream method.
        local_host: Local address to listen on. Default: loopback.
        local_port: Local port. Default: any free one.
    """
    with TcpForward(client, local_host, local_port, method) as forward:
        yield forward.host, forward.port


@contextmanager
def UnixPortforwardAdapter(
    *, client: DriverProxy, method: str = "connect", path: str | os.PathLike[str] | None = None
) -> Iterator[str | os.PathLike[str]]:
    """Listen on a local unix socket, and yield its path.

    Args:
        client: The driver; every connection gets a byte stream of its own to it.
        method: Its stream method.
        path: The socket's path, yielded as it is given. Default: a `Path` in a private directory.
    """
    with UnixForward(client, None if path is None else os.fspath(path), method) as forward:
        yield Path(forward.path) if path is None else path
