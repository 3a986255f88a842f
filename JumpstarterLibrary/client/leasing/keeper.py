"""Keeps leases: extends those that extend themselves, and notices when one ends or its exporter falls silent."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from JumpstarterLibrary.client.events import Notice
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.state import LeaseState
from JumpstarterLibrary.errors import ControllerUnreachable, InfrastructureError, NoSuchLease

logger = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often a lease is looked at."""

SOON_S = 0.05
"""The shortest pause between two looks, and what a look is late behind an expected end."""

LOOK_TIMEOUT_S = 5.0


class Keeper:
    """Looks after the leases of one controller, in a daemon thread that runs while there are any."""

    def __init__(self) -> None:
        self._entries: dict[Lease, _Entry] = {}
        self._condition = threading.Condition()
        self._running = False

    def keep(self, lease: Lease, pulse: Callable[[], None] = lambda: None) -> None:
        """Look after a lease.

        Args:
            lease: The lease.
            pulse: Called with every look; it must not block. It may feel whether the exporter is alive.
        """
        with self._condition:
            self._entries[lease] = _Entry(lease, pulse)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="jumpstarter-keeper", daemon=True).start()
            self._condition.notify_all()

    def leave(self, lease: Lease) -> None:
        """Look after a lease no more."""
        with self._condition:
            self._entries.pop(lease, None)
            self._condition.notify_all()

    @property
    def leases(self) -> list[Lease]:
        """The leases that are looked after."""
        with self._condition:
            return list(self._entries)

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._entries:
                    self._running = False
                    return
                due = min(entry.due for entry in self._entries.values())
                left = due - time.monotonic()
                if left > 0:
                    self._condition.wait(left)
                    continue
                entries = [entry for entry in self._entries.values() if entry.due <= time.monotonic()]
            for entry in entries:
                entry.look()
                if entry.lease.ended is not None:
                    self.leave(entry.lease)


class _Entry:
    """One lease, and when it is looked at next."""

    def __init__(self, lease: Lease, pulse: Callable[[], None]) -> None:
        self.lease = lease
        self.due = time.monotonic() + LOOK_S / 4
        self._pulse = pulse
        self._complained = ""

    def look(self) -> None:
        """Ask for the lease's state, and do what follows from it."""
        self.due = time.monotonic() + LOOK_S
        try:
            self._pulse()
            state = self.lease.state(LOOK_TIMEOUT_S)
            if self.lease.ended is None:
                self.due = time.monotonic() + self._pause(state)
                self.lease.keep_alive(state, LOOK_TIMEOUT_S)
            self._complained = ""
        except NoSuchLease as error:
            logger.debug("lease %s is gone: %s", self.lease.name, error)
        except ControllerUnreachable as error:
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
