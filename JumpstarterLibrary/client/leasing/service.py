"""Leased devices of a test run: one connection to the controller, and devices that come and go."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.leasing.acquire import acquire
from JumpstarterLibrary.client.leasing.availability import Availability, availability, shown_labels
from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice, connect_lease
from JumpstarterLibrary.client.leasing.exit_cleanup import release_through, unregister
from JumpstarterLibrary.client.leasing.joining import attach
from JumpstarterLibrary.client.leasing.lease import RELEASE_S, Lease
from JumpstarterLibrary.client.leasing.renewer import LeaseRenewer
from JumpstarterLibrary.client.leasing.uninterruptible import UninterruptibleTask
from JumpstarterLibrary.client.selectors import nearest, parse_alternatives, parse_selector
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import ControllerUnreachable, HookFailed, JumpstarterError, LeaseUnsatisfiable

logger = logging.getLogger(__name__)

CLOSE_S = 10.0
"""How long closing a device may take. Half closed, it would keep threads and a tunnel."""

Tick = Callable[[], None]


class LeaseService:
    """Leases devices from one controller, and gives them back.

    The controller is contacted when it is needed first. Use it from one thread; the devices from any.

    Args:
        find: Returns the client's settings.
    """

    def __init__(self, find: Callable[[], ClientSettings]) -> None:
        self._find = find
        self._controller: Controller | None = None
        self._former_secrets: list[str] = []
        self.keeper = LeaseRenewer()
        self._away = False
        self._lock = threading.Lock()

    @property
    def controller(self) -> Controller:
        """The connection to the controller.

        Raises:
            ConfigurationError: There is no configuration, or it is not usable.
            LinkError: The settings are insecure, and the controller cannot be reached.
        """
        with self._lock:
            if self._controller is None:
                self._controller = Controller(self._find())
            return self._controller

    @property
    def secrets(self) -> list[str]:
        """All tokens that the client has had since the controller was contacted."""
        controller = self._controller
        return [*self._former_secrets, *(controller.secrets if controller is not None else ())]

    def lease(
        self,
        request: LeaseRequest,
        timeout: Seconds = None,
        *,
        progress: datetime.timedelta = datetime.timedelta(seconds=15),
        events: Events | None = None,
        tick: Tick = lambda: None,
        follow_logs: bool = False,
        timing: Timing | None = None,
        held: Mapping[str, str] | None = None,
    ) -> LeasedDevice:
        """Acquire a lease and connect to its exporter; on any failure, release the lease.

        Args:
            request: What is wanted. Its selector may have alternatives: ``board=a | board=b`` takes the first that is
                free, or else waits for the first that anything fits.
            timeout: For both together. Default: ``leases.acquisition_timeout`` of the client configuration, 2 hours.
            progress: Time between two lines about the wait.
            events: Where lines about it go, and later those of the device.
            tick: Called several times a second, in the waiting thread.
            follow_logs: Emit the exporter's log as events from the first line on. It makes calls that the exporter
                logs a little slower. Default: only until the device is ready.
            timing: The time limits and pauses of the device's boards. Default: the defaults.
            held: The leases that the caller holds itself, by name, with what uses them in words: where they hold all
                exporters that fit, the request fails at once. Default: none.

        Raises:
            InfrastructureError: See ``acquire`` and ``connect_lease``.
        """
        events = events or Events()
        controller = self.controller
        deadline = Deadline.of(controller.settings.acquisition_timeout if timeout is None else timeout)
        request = self._preferred(request, deadline)
        lease = self._acquire(controller, request, deadline, progress.total_seconds(), events, tick, held)
        try:
            device = connect_lease(
                lease,
                deadline,
                events=events,
                tick=tick,
                follow_logs=follow_logs,
                progress_s=progress.total_seconds(),
                timing=timing,
            )
            self.keeper.keep(lease, device.check_liveness)
        except BaseException as error:
            try:
                if isinstance(error, HookFailed):
                    lease.await_exporter(tick)
            finally:
                self._release(lease)
            raise
        return device

    def _acquire(
        self,
        controller: Controller,
        request: LeaseRequest,
        deadline: Deadline,
        progress_s: float,
        events: Events,
        tick: Tick,
        held: Mapping[str, str] | None,
    ) -> Lease:
        # Each test class of a run asks; if the controller is gone, not each of them has to find out patiently.
        try:
            lease = acquire(
                controller,
                request,
                deadline,
                progress_s=progress_s,
                events=events,
                tick=tick,
                away=self._away,
                held=held,
                not_released=self.keeper.release,
            )
        except ControllerUnreachable:
            self._away = True
            raise
        self._away = False
        return lease

    def attach(
        self,
        name: str,
        timeout: Seconds = None,
        *,
        events: Events | None = None,
        tick: Tick = lambda: None,
        follow_logs: bool = False,
        timing: Timing | None = None,
    ) -> LeasedDevice:
        """Attach to the lease of another owner and connect to its exporter; it is never released here.

        Args:
            name: The lease's name.
            timeout: For the connection. Default: ``leases.dial_timeout`` of the client configuration, 60 seconds.
            events: Where lines about it go, and later those of the device.
            tick: Called several times a second, in the waiting thread.
            follow_logs: See ``lease``.
            timing: See ``lease``.

        Raises:
            InfrastructureError: See ``joining.attach`` and ``connect_lease``.
        """
        controller = self.controller
        deadline = Deadline.of(controller.settings.dial_timeout if timeout is None else timeout)
        lease = attach(controller, name, deadline, events)
        device = connect_lease(lease, deadline, events=events, tick=tick, follow_logs=follow_logs, timing=timing)
        self.keeper.keep(lease, device.check_liveness)
        return device

    def release(self, device: LeasedDevice, patience: Seconds = RELEASE_S) -> bool:
        """Close a device and release its lease, if it is ours; return whether that is certain.

        Args:
            device: What ``lease`` or ``attach`` returned.
            patience: How long a hook after the lease may go on telling what it does. Default: 5 seconds.
        """
        lease = device.lease
        self.keeper.leave(lease)
        try:
            if lease.ours:
                device.finish(patience)
        finally:
            try:
                trouble = UninterruptibleTask(lambda: close_device(device), Deadline(CLOSE_S)).wait()
                if trouble is not None:
                    logger.debug("device %s was not closed cleanly: %s", device.link.name, trouble)
            finally:
                released = self._release(lease)
        return released

    def _release(self, lease: Lease) -> bool:
        """Release a lease; what could not be released is tried again until the service is closed."""
        released = lease.release()
        if released:
            unregister(lease)
        else:
            self.keeper.release(lease)
        return released

    def exporters(self, selector: str = "", timeout: Seconds = None) -> list[Availability]:
        """Return the exporters that match a selector or one of its alternatives, with who holds them.

        Raises:
            ConfigurationError: The selector is not one.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        found: dict[str, Availability] = {}
        for alternative in _alternatives(selector):
            for one in availability(self.controller, alternative, timeout, hidden=False):
                found.setdefault(one.exporter.name, one)
        return list(found.values())

    def _preferred(self, request: LeaseRequest, deadline: Deadline) -> LeaseRequest:
        """Return the request with the best of its selector's alternatives."""
        if not request.selector:
            return request
        alternatives = _alternatives(request.selector)
        if len(alternatives) == 1:
            return replace(request, selector=alternatives[0])
        fitting = [(text, found) for text in alternatives if (found := availability(self.controller, text, deadline))]
        if not fitting:
            labels = shown_labels(self.controller, deadline)
            why = "; ".join(nearest(parse_selector(text), labels) for text in alternatives)
            raise LeaseUnsatisfiable(
                f"No exporter fits any of the alternatives of selector '{request.selector}': {why}. Correct one."
            )
        best = next((text for text, found in fitting if any(one.free for one in found)), fitting[0][0])
        logger.info("Of the alternatives of selector '%s', '%s' is asked for.", request.selector, best)
        return replace(request, selector=best)

    def close(self) -> None:
        """Release all leases that are left, and close the connection to the controller. Closing twice is fine."""
        for lease in self.keeper.leases:
            self.keeper.leave(lease)
            if lease.release():
                unregister(lease)
            elif lease.trouble:
                # Without the connection nothing more can be tried.
                unregister(lease)
                logger.warning("%s", lease.trouble)
        with self._lock:
            controller, self._controller = self._controller, None
        self._former_secrets.extend(controller.secrets if controller is not None else ())
        if controller is not None:
            # A request that was interrupted at its very end has left its lease to this.
            release_through(controller)
            controller.close()


def close_device(device: LeasedDevice) -> str | None:
    """Close a device; return what went wrong, if anything did."""
    try:
        device.close()
    except (JumpstarterError, OSError) as error:
        return str(error)
    return None


def _alternatives(selector: str) -> list[str]:
    """Return a selector's alternatives, as its author wrote them."""
    if selector.strip():
        parse_alternatives(selector)
    return [part.strip() for part in selector.split("|")]
