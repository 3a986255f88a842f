"""Lease mode: an exporter for a test class from the controller of the client configuration, and its certain release."""

from __future__ import annotations

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
from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.leasing.termination import Termination
from JumpstarterLibrary.client.settings import find_settings
from JumpstarterLibrary.errors import JumpstarterError
from pytest_jumpstarter.voice import Voice
from pytest_jumpstarter.wish import Wish

logger = logging.getLogger(__name__)


@contextmanager
def leased(wish: Wish, config: pytest.Config) -> Iterator[DriverProxy]:
    """Lease an exporter, or use the one of the lease that ``JMP_LEASE`` names, and yield its root driver.

    Trouble with the release goes to the log, not to the test.

    Args:
        wish: What is leased.
        config: The test run, on whose terminal the wait is told.

    Raises:
        ConfigurationError: There is no client configuration.
        InfrastructureError: The exporter cannot be leased or reached.
    """
    service = LeaseService(find_settings)
    events = Events()
    events.subscribe(Voice(config).put)
    # Alone, SIGTERM would end the run at once; so it ends in order, as after Ctrl-C.
    with Termination(_stop):
        try:
            name = os.environ.get(LEASE)
            if name:
                device = service.attach(name, wish.timeout, events=events)
            else:
                request = LeaseRequest(
                    selector=wish.selector,
                    exporter=wish.exporter,
                    duration=wish.duration,
                    max_duration=wish.max_duration,
                    tags=ci_tags(),
                    context=ci_context(),
                )
                device = service.lease(request, wish.timeout, events=events)
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
