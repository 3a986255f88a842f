"""A lease in use: how it was acquired, its connections, and its release."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.client.leasing import Controller, Lease, LeasedDevice, LeaseRequest
from JumpstarterLibrary.client.leasing.acquire import acquire
from JumpstarterLibrary.client.leasing.device import connect_lease
from JumpstarterLibrary.client.leasing.dial import Dialer
from JumpstarterLibrary.client.leasing.exit_cleanup import register, unregister
from JumpstarterLibrary.client.leasing.joining import join, usable
from JumpstarterLibrary.client.leasing.renewer import LeaseRenewer
from JumpstarterLibrary.client.leasing.route import LeaseRoute
from JumpstarterLibrary.client.leasing.service import CLOSE_S, close_device
from JumpstarterLibrary.client.leasing.state import LeaseState
from JumpstarterLibrary.client.leasing.uninterruptible import UninterruptibleTask
from JumpstarterLibrary.client.selectors import parse_selector
from JumpstarterLibrary.errors import HookFailed
from pytest_jumpstarter.upstream_api.config.error_mapping import map_connect_errors
from pytest_jumpstarter.upstream_api.config.lease_notices import log_notice, logger
from pytest_jumpstarter.upstream_api.config.spinner import LeaseAcquisitionSpinner
from pytest_jumpstarter.upstream_api.config.threads import Tick

details = logging.getLogger(__name__)


class ActiveLease:
    """A lease that is held until ``close``.

    Args:
        lease: The lease, which has an exporter.
    """

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self._devices: list[LeasedDevice] = []
        self._hook_failed = False
        self._keeper = LeaseRenewer()
        self._keeper.keep(lease, self._pulse)

    # Connections

    @contextmanager
    def connected(self, tick: Tick, timeout: float) -> Iterator[LeasedDevice]:
        """Connect to the exporter for the length of a block.

        Args:
            tick: Called several times a second, in the waiting thread.
            timeout: Seconds in which the exporter has to be ready; its hook may take some.

        Raises:
            ExporterUnreachableError: It cannot be connected to; see ``connecting``.
            LeaseError: The lease has ended.
        """
        with map_connect_errors():
            device = self._connect(tick, timeout)
        try:
            yield device
        finally:
            self._disconnect(device)

    def _connect(self, tick: Tick, timeout: float) -> LeasedDevice:
        self.lease.check()
        try:
            device = connect_lease(self.lease, Deadline(timeout), events=logged_events(), tick=tick)
        except HookFailed:
            self._hook_failed = True
            raise
        self._devices.append(device)
        return device

    def _disconnect(self, device: LeasedDevice) -> None:
        self._devices.remove(device)
        trouble = UninterruptibleTask(lambda: close_device(device), Deadline(CLOSE_S)).wait()
        if trouble is not None:
            details.debug("device %s was not closed cleanly: %s", device.link.name, trouble)

    @contextmanager
    def served(self, dial_timeout: float) -> Iterator[Path]:
        """Listen on a socket whose connections lead to the exporter, for the length of a block.

        Args:
            dial_timeout: Seconds that each connection may take to come about.

        Raises:
            LeaseError: The lease has ended.
        """
        self.lease.check()
        route = LeaseRoute(self.lease, Dialer(self.lease), dial_timeout)
        try:
            yield Path(route.tunnel.path)
        finally:
            # Where no interruption reaches it: half closed it would keep threads.
            UninterruptibleTask(lambda: route.close(), Deadline(CLOSE_S)).wait()
            if route.tunnel.error is not None:
                logger.warning(
                    "A connection through lease %s could not be made: %s", self.lease.name, route.tunnel.error
                )

    def _pulse(self) -> None:
        for device in list(self._devices):
            device.check_liveness()

    # The end

    def close(self, *, release: bool) -> None:
        """Stop using the lease.

        Args:
            release: End it for all processes. It takes 5 seconds at most, also when the process is told to stop
                meanwhile; if it fails, the log has the command that does it.
        """
        self.lease.ours = release
        try:
            self._keeper.leave(self.lease)
            if release and self._hook_failed:
                self.lease.await_exporter()
        finally:
            # Where an interruption ends this wait, the lease stays registered, and closing the connection to the
            # controller waits for the same release. A release that failed is not tried again.
            self.lease.release()
            unregister(self.lease)


def acquire_or_join(
    controller: Controller, request: LeaseRequest, timeout: float, *, release: bool, tick: Tick
) -> ActiveLease:
    """Return a lease that has an exporter: a new one, or the one that the request names.

    Args:
        controller: Who is asked.
        request: What is wanted. With a name it is a lease that is there already; what else it has must then fit.
        timeout: Seconds to wait for an exporter.
        release: Whether a lease that was there already is to be released at the end, as new ones are.
        tick: Called several times a second, in the waiting thread.

    Raises:
        InfrastructureError: See ``acquire`` and ``join``.
    """
    deadline = Deadline(timeout)
    if request.name:
        state = usable(controller, request.name, deadline)
        if _fits(request, state):
            with _shown(request.name, tick) as (events, tick):
                lease = join(controller, state, deadline, events=events, tick=tick)
            lease.ours = release
            if release:
                register(lease)
            return ActiveLease(lease)
        logger.warning(
            "Lease %s was asked for with selector '%s', and not with '%s'. Another one is acquired instead.",
            state.name,
            state.selector,
            request.selector,
        )
    with _shown(None, tick) as (events, tick):
        lease = acquire(controller, replace(request, name=None), deadline, events=events, tick=tick)
    return ActiveLease(lease)


@contextmanager
def _shown(name: str | None, tick: Tick) -> Iterator[tuple[Events, Tick]]:
    """Show for the length of a block what a wait tells; yield its events, which are just told afterwards."""
    events = Events()
    with LeaseAcquisitionSpinner(name) as spinner:

        def turn() -> None:
            spinner.tick()
            tick()

        events.subscribe(spinner.put, Notice)
        yield events, turn
        events.subscribe(log_notice, Notice)
        events.unsubscribe(spinner.put)


def logged_events() -> Events:
    """Return events that are told to the user."""
    events = Events()
    events.subscribe(log_notice, Notice)
    return events


def _fits(request: LeaseRequest, state: LeaseState) -> bool:
    """Tell whether a lease has the selector of a request, however it is written."""
    return request.selector is None or parse_selector(request.selector).means(parse_selector(state.selector))
