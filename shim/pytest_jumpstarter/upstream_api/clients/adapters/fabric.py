"""Fabric over a driver: commands and files by SSH."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_jumpstarter.upstream_api.clients.adapters.portforward import TcpPortforwardAdapter
from pytest_jumpstarter.upstream_api.clients.optional import needed


@contextmanager
def FabricAdapter(
    *,
    client: Any,
    method: str = "connect",
    user: str | None = None,
    config: Any = None,
    forward_agent: bool | None = None,
    connect_timeout: int | None = None,
    connect_kwargs: dict[str, Any] | None = None,
    inline_ssh_env: bool | None = None,
) -> Iterator[Any]:
    """Yield a connection of Fabric's to the SSH server behind a driver. It is closed in the end.

    Args:
        client: The driver.
        method: Its stream method.
        user: Who logs in. Default: Fabric's configuration says.
        config: A configuration of Fabric's.
        forward_agent: Whether the SSH agent is forwarded.
        connect_timeout: Seconds that connecting may take.
        connect_kwargs: Arguments for paramiko's ``connect``: ``password``, ``key_filename``.
        inline_ssh_env: Whether environment variables are sent as part of commands.

    Raises:
        MissingPackage: Fabric is not installed.
    """
    fabric = needed("fabric", "FabricAdapter", "fabric")
    with TcpPortforwardAdapter(client=client, method=method) as (host, port):
        connection = fabric.Connection(
            host,
            user=user,
            port=port,
            config=config,
            forward_agent=forward_agent,
            connect_timeout=connect_timeout,
            connect_kwargs=connect_kwargs,
            inline_ssh_env=inline_ssh_env,
        )
        try:
            yield connection
        finally:
            connection.close()
