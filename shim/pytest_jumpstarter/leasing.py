"""Lease mode: an exporter for a test class from the controller of the client configuration, and its certain release."""

from __future__ import annotations

import datetime
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import pytest

from JumpstarterLibrary.client import DriverProxy
from JumpstarterLibrary.client.ci import ci_context, ci_tags
from JumpstarterLibrary.client.config import LEASE
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.leasing.termination import Termination
from JumpstarterLibrary.client.settings import find_settings
from JumpstarterLibrary.errors import JumpstarterError

logger = logging.getLogger(__name__)


@contextmanager
def leased(
    selector: str | None,
    exporter: str | None,
    duration: datetime.timedelta,
    max_duration: datetime.timedelta | None,
) -> Iterator[DriverProxy]:
    """Lease an exporter, or use the one of the lease that ``JMP_LEASE`` names, and yield its root driver.

    Trouble with the release goes to the log, not to the test.

    Args:
        selector: Label expression of the exporter.
        exporter: Its name.
        duration: How long the lease lasts.
        max_duration: Up to which length it is extended by itself; None for never.

    Raises:
        ConfigurationError: There is no client configuration.
        InfrastructureError: The exporter cannot be leased or reached.
    """
    service = LeaseService(find_settings)
    # Alone, SIGTERM would end the run at once; so it ends in order, as after Ctrl-C.
    with Termination(_stop):
        try:
            name = os.environ.get(LEASE)
            if name:
                device = service.attach(name)
            else:
                request = LeaseRequest(
                    selector=selector,
                    exporter=exporter,
                    duration=duration,
                    max_duration=max_duration,
                    tags=ci_tags(),
                    context=ci_context(),
                )
                device = service.lease(request)
            lease = device.lease
            logger.info("Lease mode: connected to exporter %s (lease %s).", lease.exporter, lease.name)
            try:
                yield device.client
            finally:
                try:
                    service.release(device)
                except (JumpstarterError, OSError) as error:
                    logger.warning("Lease %s was not given back cleanly: %s", lease.name, error)
        finally:
            service.close()


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    pytest.exit(f"stopped by {signal.Signals(number).name}", returncode=128 + number)
