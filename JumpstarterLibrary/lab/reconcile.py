"""Reconciliation: what follows, a moment later, from what clients and exporters ask for and report.

One task works through a queue of objects that may have changed, each object in the queue at most once. What is done for
one object does not wait for anything, so that no other object changes meanwhile.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import datetime

from JumpstarterLibrary.lab.clock import Clock, Timer
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.journal import Journal
from JumpstarterLibrary.lab.model import (
    ENDED_LABEL,
    INVALID,
    OFFLINE,
    PENDING,
    READY,
    UNSATISFIABLE,
    ExporterRecord,
    LeaseRecord,
    whole_second,
)
from JumpstarterLibrary.lab.selection import ExporterChoice, Selection
from JumpstarterLibrary.lab.state import ControllerState

LOST_AFTER_S = 60.0
"""Lab seconds without a sign of life until an exporter counts as offline."""

LONGEST_PAUSE_S = 30.0
"""Lab seconds between two looks at a lease that waits."""

TURN = 50
"""Objects that are worked through before others on the loop have a turn."""

LEASES = "leases"
"""The journal's counter of leases that have not ended."""

_Key = tuple[str, str]


class Reconciler:
    """Brings leases and exporters in line with what is known.

    Args:
        state: The controller's objects.
        clock: Lab time.
        features: What the controller can do.
        journal: Whose counter of leases to keep.
        assignment_delay: Lab seconds from the request of a lease to the first look for an exporter. Default: none,
            which still lets the request be answered first.

    Attributes:
        assignment_delay: As given; counts for later leases.
        on_exporter: Called with an exporter's name when what it is told of its lease may have changed.
        on_removed: Called with the name of an exporter that was deleted.
    """

    def __init__(
        self,
        state: ControllerState,
        clock: Clock,
        features: ControllerFeatures,
        journal: Journal,
        assignment_delay: float = 0.0,
    ) -> None:
        self.assignment_delay = assignment_delay
        self.on_exporter: Callable[[str], None] = lambda _name: None
        self.on_removed: Callable[[str], None] = lambda _name: None
        self._state = state
        self._clock = clock
        self._features = features
        self._journal = journal
        self._selection = Selection(state, features)
        self._queue: dict[_Key, None] = {}
        self._wake = asyncio.Event()
        self._timers: dict[_Key, tuple[float, Timer]] = {}
        self._seen: dict[str, tuple[object, ...]] = {}
        self._held_back: dict[str, float] = {}

    # What others call

    def lease_added(self, lease: LeaseRecord) -> None:
        """Take in a new lease."""
        self._state.add_lease(lease)
        self._journal.count(LEASES, 1)
        if self.assignment_delay > 0:
            self._held_back[lease.name] = self._clock.seconds() + self.assignment_delay
        self._put("lease", lease.name)

    def lease_changed(self, name: str) -> None:
        """Have a look at a lease soon."""
        self._put("lease", name)

    def exporter_changed(self, name: str) -> None:
        """Have a look at an exporter soon."""
        self._put("exporter", name)

    def exporter_removed(self, exporter: ExporterRecord) -> None:
        """Forget an exporter and, as Kubernetes does, the leases that it had."""
        self._look_at(("exporter", exporter.name), None)
        self._seen.pop(exporter.name, None)
        waiting = self._state.waiting_for(exporter)
        for lease in [lease for lease in self._state.leases.values() if lease.exporter == exporter.name]:
            self._look_at(("lease", lease.name), None)
            if not lease.ended:
                self._journal.count(LEASES, -1)
            self._state.remove_lease(lease)
        self._state.remove_exporter(exporter.name)
        self.on_removed(exporter.name)
        for name in waiting:
            self._put("lease", name)

    def everything_changed(self) -> None:
        """Have a look at everything soon: the controller has started, or its policies have changed."""
        self._state.touch()
        for name in self._state.exporters:
            self._put("exporter", name)
        for name in self._state.open_leases:
            self._put("lease", name)

    async def run(self) -> None:
        """Work until cancelled; then no timer is left."""
        # Made here: an event belongs to one event loop, and the controller may serve on several, one after the other.
        self._wake = asyncio.Event()
        self._wake.set()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._work()
        finally:
            for _, timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    async def _work(self) -> None:
        done = 0
        while self._queue:
            kind, name = key = next(iter(self._queue))
            del self._queue[key]
            if kind == "lease":
                self._lease(name)
            else:
                self._exporter(name)
            done += 1
            if done % TURN == 0:
                await asyncio.sleep(0)

    def _put(self, kind: str, name: str) -> None:
        self._queue[kind, name] = None
        self._wake.set()

    def _look_at(self, key: _Key, second: float | None) -> None:
        """Look again at something at a lab second, and not at any other; None: only when something happens."""
        due, timer = self._timers.get(key, (None, None))
        if due == second:
            return
        if timer is not None:
            timer.cancel()
            del self._timers[key]
        if second is not None:
            self._timers[key] = second, self._clock.at(second, lambda: self._is_due(key))

    def _is_due(self, key: _Key) -> None:
        del self._timers[key]
        # What was decided before is not trusted any more; that is the point of looking again.
        self._state.touch()
        self._put(*key)

    # Leases

    def _lease(self, name: str) -> None:
        lease = self._state.leases.get(name)
        if lease is None or lease.labelled_ended:
            return
        if lease.ended:
            lease.labels[ENDED_LABEL] = "true"
            self._state.open_leases.pop(name, None)
            return
        now = self._clock.now()
        again = self._find_exporter(lease, now) if lease.exporter is None else None
        if lease.exporter is not None and lease.effective_begin is None:
            lease.effective_begin = whole_second(now)
            lease.set_condition(READY, True, "Ready", f"The lease has exporter {lease.exporter}.", now)
            self._put("exporter", lease.exporter)
        self._end_if_due(lease, now)
        if lease.ended:
            self._let_go(lease)
        elif lease.expiry is not None:
            again = self._clock.second_of(lease.expiry)
        self._look_at(("lease", name), None if lease.ended else again)

    def _find_exporter(self, lease: LeaseRecord, now: datetime) -> float | None:
        """Give a lease an exporter, or say why it gets none. Return the second of the next look."""
        first = max(
            self._clock.second_of(lease.begin) if lease.begin is not None else 0.0,
            self._held_back.get(lease.name, 0.0),
        )
        if first > self._clock.seconds():
            return first
        self._held_back.pop(lease.name, None)
        found = self._selection.choose(lease)
        if isinstance(found, ExporterChoice):
            self._state.assign(lease, found.exporter, found.approval.priority, found.approval.spot)
            return None
        lease.set_condition(found.kind, True, found.reason, found.message, now)
        pending = lease.condition(PENDING)
        if pending is None:
            return None
        waited = (now - pending.since).total_seconds()
        return self._clock.second_of(pending.since) + next_look(waited)

    def _end_if_due(self, lease: LeaseRecord, now: datetime) -> None:
        if lease.holds(UNSATISFIABLE) or lease.holds(INVALID):
            lease.finish(now)
        elif lease.release:
            lease.set_condition(READY, False, "Released", "The lease was released.", now)
            lease.finish(now)
        elif lease.expiry is not None and (lease.expired or lease.expiry <= now):
            lease.set_condition(READY, False, "Expired", "The time of the lease is over.", now)
            lease.finish(now)

    def _let_go(self, lease: LeaseRecord) -> None:
        self._held_back.pop(lease.name, None)
        self._state.let_go(lease)
        self._journal.count(LEASES, -1)
        exporter = self._state.exporters.get(lease.exporter or "")
        if exporter is not None:
            if self._features.skip_idle:
                for name in self._state.waiting_for(exporter):
                    self._lease(name)
            self._put("exporter", exporter.name)
        # Lists still show it as active until the label is written, one step later.
        self._put("lease", lease.name)

    # Exporters

    def _exporter(self, name: str) -> None:
        exporter = self._state.exporters.get(name)
        if exporter is None:
            return
        exporter.lease = self._state.held.get(name)
        self._check_life(exporter)
        seen = (
            exporter.status,
            exporter.online,
            exporter.registered,
            exporter.enabled,
            exporter.lease is not None,
            tuple(sorted(exporter.labels.items())),
        )
        if self._seen.get(name) != seen:
            self._seen[name] = seen
            self._state.touch()
            for waiting in self._state.waiting_for(exporter):
                self._put("lease", waiting)
        self.on_exporter(name)

    def _check_life(self, exporter: ExporterRecord) -> None:
        lost: float | None = None
        alive = exporter.open_streams > 0
        if not alive and exporter.last_seen is not None:
            lost = exporter.last_seen + LOST_AFTER_S
            alive = self._clock.seconds() < lost
        self._look_at(("exporter", exporter.name), lost if alive else None)
        if exporter.online and not alive and exporter.status != OFFLINE:
            exporter.status, exporter.status_message = OFFLINE, "The exporter has not been heard of for a minute."
        exporter.online = alive and exporter.status != OFFLINE


def next_look(waited: float) -> float:
    """Return when to look again at a lease that waits, in seconds since its wait began.

    The pauses are 1, 2, 4, 8 and 16 seconds, then always 30. They count from the begin of the wait, a whole second, so
    that leases that wait together are looked at together.

    Args:
        waited: Seconds that it has waited so far.
    """
    pause = look = 1.0
    while look <= waited and pause < LONGEST_PAUSE_S:
        pause = min(pause * 2, LONGEST_PAUSE_S)
        look += pause
    if look <= waited:
        look += math.floor((waited - look) / LONGEST_PAUSE_S + 1) * LONGEST_PAUSE_S
    return look
