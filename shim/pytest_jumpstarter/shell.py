"""Shell mode: join the exporter that the environment names, and leave it again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from JumpstarterLibrary.client import Device, DirectConnection, DriverProxy
from JumpstarterLibrary.errors import JumpstarterError

logger = logging.getLogger(__name__)


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
    with connected(DirectConnection.from_environment()) as client:
        yield client
