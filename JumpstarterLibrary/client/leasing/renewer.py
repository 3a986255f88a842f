"""Renew leases that extend themselves, and notice when a lease ends or its exporter falls silent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.events import Notice
from JumpstarterLibrary.client.interrupts import interruptible
from JumpstarterLibrary.client.leasing.exit_cleanup import unregister
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.state import LeaseState
from JumpstarterLibrary.errors import ControllerUnreachable, InfrastructureError, NoSuchLease

logger = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often a lease is looked at."""

SOON_S = 0.05
"""The shortest pause between two looks, and what a look is late behind an expected end."""

LOOK_TIMEOUT_S = 5.0


class LeaseRenewer:
    """Renew the leases of one controller, each in a daemon thread of its own: none waits for another."""

    def __init__(self) -> None:
        self._entries: dict[Lease, _Entry] = {}
        self._lock = threading.Lock()

    def keep(self, lease: Lease, check_liveness: Callable[[], None] = lambda: None) -> None:
        """Renew a lease until it ends.

        Args:
            lease: The lease.
            check_liveness: Called with every look. It may check whether the exporter is alive.
        """
        self._begin(_Entry(lease, check_liveness))

    def _begin(self, entry: _Entry) -> None:
        self.leave(entry.lease)
        with self._lock:
            self._entries[entry.lease] = entry
        with interruptible:
            threading.Thread(target=self._run, args=(entry,), name="jumpstarter-keeper", daemon=True).start()

    def release(self, lease: Lease) -> None:
        """Try again and again to release a lease that could not be released."""
        self._begin(_Entry(lease, lambda: None, unwanted=True))

    def leave(self, lease: Lease) -> None:
        """Stop renewing a lease."""
        with self._lock:
            entry = self._entries.pop(lease, None)
        if entry is not None:
            with interruptible:
                entry.left.set()

    @property
    def leases(self) -> list[Lease]:
        """The leases that are looked after."""
        with self._lock:
            return list(self._entries)

    def _run(self, entry: _Entry) -> None:
        while entry.lease.ended is None and not clock.wait(entry.left, max(0.0, entry.due - clock.seconds())):
            entry.look()
        with self._lock:
            if self._entries.get(entry.lease) is entry:
                del self._entries[entry.lease]


class _Entry:
    """One lease, and when it is looked at next."""

    def __init__(self, lease: Lease, check_liveness: Callable[[], None], *, unwanted: bool = False) -> None:
        self.lease = lease
        self._unwanted = unwanted
        self.left = threading.Event()
        self.due = clock.seconds() + LOOK_S / 4
        self._pulse = check_liveness
        self._complained = ""

    def look(self) -> None:
        """Ask for the lease's state, and do what follows from it."""
        self.due = clock.seconds() + LOOK_S
        if self._unwanted:
            if self.lease.release(LOOK_TIMEOUT_S):
                unregister(self.lease)
            return
        try:
            self._pulse()
            state = self.lease.state(LOOK_TIMEOUT_S)
            if self.lease.ended is None:
                self.due = clock.seconds() + self._pause(state)
                self.lease.keep_alive(state, LOOK_TIMEOUT_S)
            self._complained = ""
        except NoSuchLease as error:
            logger.debug("lease %s is gone: %s", self.lease.name, error)
        except ControllerUnreachable as error:
            if self.lease.controller.closed:
                return
            # A controller that restarts loses no lease; the tunnel goes on without it.
            self._complain(f"Lease '{self.lease.name}' cannot be looked after at the moment: {error}")
        except InfrastructureError as error:
            self._complain(f"Lease '{self.lease.name}' cannot be looked after: {error}")
        except ValueError:
            # What gRPC raises when the controller's channel has been closed meanwhile.
            logger.debug("the controller of lease %s is closed", self.lease.name)

    def _pause(self, state: LeaseState) -> float:
        """Return the seconds until something is expected to happen."""
        left = state.time_left
        if left is None:
            return LOOK_S
        seconds = left.total_seconds() + SOON_S
        if self.lease.hard is not None:
            until_half = left.total_seconds() - self.lease.soft.total_seconds() / 2
            seconds = min(seconds, until_half) if until_half > 0 else min(seconds, self.lease.soft.total_seconds() / 4)
        return min(LOOK_S, max(SOON_S, seconds))

    def _complain(self, text: str) -> None:
        """Warn once of the same trouble."""
        if text != self._complained:
            self._complained = text
            self.lease.events.emit(Notice(text, "WARN"))
