"""How a test class gets its exporter: decided once, before anything is connected."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

import pytest

from JumpstarterLibrary.client import DriverProxy
from JumpstarterLibrary.client.config import HOST, LEASE
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.leasing import leased
from pytest_jumpstarter.shell import env
from pytest_jumpstarter.wish import Wish


def exporter_for(wish: Wish, config: pytest.Config) -> AbstractContextManager[DriverProxy]:
    """Return the context manager that connects to the exporter of a test class, and gives it back.

    Args:
        wish: What the class wants to lease.
        config: The test run.

    Raises:
        ConfigurationError: Nothing says which exporter it is.
    """
    if os.environ.get(HOST):
        return env()
    if os.environ.get(LEASE) or wish.selector or wish.exporter:
        return leased(wish, config)
    raise ConfigurationError(
        f"There is no exporter for this test class. Run pytest inside `jmp shell` (which sets {HOST}), set {HOST} to "
        f"the socket path or host:port of an exporter, set {LEASE} to the name of a lease, or give the class a "
        f"selector or an exporter_name to lease one."
    )
