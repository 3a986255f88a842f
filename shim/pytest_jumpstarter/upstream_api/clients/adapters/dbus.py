"""A board's D-Bus as that of this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from JumpstarterLibrary.errors import UsageError
from pytest_jumpstarter.upstream_api.clients.adapters.portforward import TcpPortforwardAdapter

VARIABLES = {"system": "DBUS_SYSTEM_BUS_ADDRESS", "session": "DBUS_SESSION_BUS_ADDRESS"}


@contextmanager
def DbusAdapter(*, client: Any) -> Iterator[None]:
    """Let the environment name a driver's bus while the block runs, and then what it named before.

    Args:
        client: The driver; its ``kind`` is ``system`` or ``session``.

    Raises:
        UsageError: It is of no such kind.
    """
    variable = VARIABLES.get(client.kind)
    if variable is None:
        raise UsageError(f"'{client.kind}' is no kind of D-Bus. Expected one of: {', '.join(VARIABLES)}.")
    before = os.environ.get(variable)
    with TcpPortforwardAdapter(client=client) as (host, port):
        os.environ[variable] = f"tcp:host={host},port={port}"
        try:
            yield
        finally:
            if before is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = before
