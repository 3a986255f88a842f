"""Shell mode: join the exporter that the environment names, and leave it again."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from JumpstarterLibrary.client import Device, DirectConnection, DriverProxy
from JumpstarterLibrary.client.config import HOST
from JumpstarterLibrary.errors import ConfigurationError, JumpstarterError

logger = logging.getLogger(__name__)


def shell_connection(selector: str | None = None) -> DirectConnection:
    """Return the connection that ``JUMPSTARTER_HOST`` and its companions describe.

    Args:
        selector: What the test class wants to lease, for the message.

    Raises:
        ConfigurationError: ``JUMPSTARTER_HOST`` is not set.
    """
    if not os.environ.get(HOST):
        wanted = f" (here: {selector})" if selector else ""
        raise ConfigurationError(
            f"{HOST} is not set, so there is no exporter to join. Run pytest inside `jmp shell`, or set {HOST} to the "
            f"socket path or host:port of an exporter. Leasing one by selector{wanted} is not in this version yet."
        )
    return DirectConnection.from_environment()


@contextmanager
def connected(connection: DirectConnection) -> Iterator[DriverProxy]:
    """Connect to an exporter and yield its root driver. Trouble with closing goes to the log, not to the test.

    Raises:
        LinkError: The exporter cannot be reached.
        OperationTimeout: It did not answer in time.
    """
    device = Device.connect(connection)
    logger.info("Shell mode: connected to exporter %s (from %s).", connection.name, connection.source)
    try:
        yield device.client
    finally:
        try:
            device.close()
        except (JumpstarterError, OSError) as error:
            logger.warning("The connection to exporter %s was not closed cleanly: %s", connection.name, error)


@contextmanager
def env() -> Iterator[DriverProxy]:
    """Connect to the exporter that ``JUMPSTARTER_HOST`` names and yield its root driver.

    Raises:
        ConfigurationError: ``JUMPSTARTER_HOST`` is not set.
        LinkError: The exporter cannot be reached.
    """
    with connected(shell_connection()) as client:
        yield client
