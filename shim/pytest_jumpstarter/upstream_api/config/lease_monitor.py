"""Monitor the time that a lease has left."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.interrupts import interruptible
from JumpstarterLibrary.client.leasing import Lease
from JumpstarterLibrary.errors import InfrastructureError

LOOK_S = 10.0
"""How often the controller is asked. The lease's renewer knows of unplanned ends earlier."""

SOON_S = 0.05
"""What a look is late behind what is expected."""

ANSWER_S = 5.0

NOW = datetime.timedelta(0)

Ending = Callable[[datetime.timedelta], None]


class LeaseMonitor:
    """Call a function when a lease is about to end, and when it has ended, in a daemon thread.

    Args:
        lease: The lease.
        threshold: How long before its end that is told.
        ending: Called with the time that is left: once when there is as little as that, and with zero at the end.
    """

    def __init__(self, lease: Lease, threshold: datetime.timedelta, ending: Ending) -> None:
        self._lease = lease
        self._threshold = threshold
        self._ending = ending
        self._left = False
        self._wake = threading.Event()
        self._told = False
        self._end: float | None = None

    def __enter__(self) -> LeaseMonitor:
        self._lease.on_end(self._wake.set)
        with interruptible:
            threading.Thread(target=self._run, name="jumpstarter-monitor", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left = True
        with interruptible:
            self._wake.set()

    def _run(self) -> None:
        while not self._left:
            pause = self._look()
            if self._left:
                return
            if pause is None:
                self._ending(NOW)
                return
            clock.wait(self._wake, pause)

    def _look(self) -> float | None:
        """Return the seconds until something is expected; None if the lease is over."""
        try:
            if self._lease.ended is None:
                left = self._lease.state(ANSWER_S).time_left
            if self._lease.ended is not None:
                return None
        except InfrastructureError:
            if self._lease.ended is not None or (self._end is not None and clock.seconds() >= self._end):
                return None  # as far as can be known
            return LOOK_S if self._end is None else min(LOOK_S, max(SOON_S, self._end - clock.seconds()))
        return LOOK_S if left is None else self._consider(left)

    def _consider(self, left: datetime.timedelta) -> float:
        self._end = clock.seconds() + left.total_seconds()
        if left > self._threshold:
            self._told = False  # it was made longer
            return min(LOOK_S, (left - self._threshold).total_seconds() + SOON_S)
        if not self._told:
            self._told = True
            self._ending(left)
        return min(LOOK_S, left.total_seconds() + SOON_S)
