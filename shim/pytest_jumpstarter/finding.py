"""How a test class gets its exporter: decided once, before anything is connected."""

from __future__ import annotations

import datetime
import os
from contextlib import AbstractContextManager

from JumpstarterLibrary.client import DriverProxy
from JumpstarterLibrary.client.config import HOST, LEASE
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.leasing import leased
from pytest_jumpstarter.shell import env


def exporter_for(
    selector: str | None,
    exporter: str | None,
    duration: datetime.timedelta,
    max_duration: datetime.timedelta | None,
) -> AbstractContextManager[DriverProxy]:
    """Return the context manager that connects to the exporter of a test class, and gives it back.

    Args:
        selector: What the class wants to lease by labels.
        exporter: What it wants to lease by name.
        duration: How long a lease lasts.
        max_duration: Up to which length it is extended by itself; None for never.

    Raises:
        ConfigurationError: Nothing says which exporter it is.
    """
    if os.environ.get(HOST):
        return env()
    if os.environ.get(LEASE) or selector or exporter:
        return leased(selector, exporter, duration, max_duration)
    raise ConfigurationError(
        f"There is no exporter for this test class. Run pytest inside `jmp shell` (which sets {HOST}), set {HOST} to "
        f"the socket path or host:port of an exporter, set {LEASE} to the name of a lease, or give the class a "
        f"selector or an exporter_name to lease one."
    )
