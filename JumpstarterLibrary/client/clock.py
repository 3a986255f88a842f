"""The client's clock: every deadline, wait and poll of the client reads it, so that a test can move time.

The functions of this module use the clock that is in force, which is real time unless ``using`` has put another one in
its place. There is one for the process: a wait in a background thread has to agree with the deadline that it serves.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

SLICE_S = 0.002
"""How often a wait on a movable clock looks whether time was moved; real seconds."""

STILL_S = 120.0
"""Real seconds that a clock which does not run may stand still during a wait: a test fails then, and does not hang."""

GRAIN_S = 2.0**-20
"""Time is moved by multiples of this, whose sums and differences are exact in floats. Otherwise a loop could have a
rest of its limit left that is too small to be added to the time, and go on for ever."""


class Waitable(Protocol):
    """A condition whose lock is held, or an event."""

    def wait(self, timeout: float | None = None, /) -> bool:
        """Wait until notified or set, at most ``timeout`` seconds; return whether it was."""


class Clock:
    """Real time."""

    def seconds(self) -> float:
        """Return seconds since some fixed moment; they never go back."""
        return time.monotonic()

    def wait(self, waitable: Waitable, limit_s: float | None) -> bool:
        """Wait for a condition or an event, at most so many seconds of this clock.

        Args:
            waitable: The condition or the event.
            limit_s: Seconds; None for no limit.

        Returns:
            Whether it was notified or set.
        """
        return waitable.wait(limit_s)

    def pause(self, seconds: float) -> None:
        """Wait so many seconds of this clock; nothing ends that earlier but an exception out of a signal handler."""
        self.wait(threading.Event(), seconds)

    def hold(self, change: int) -> None:
        """Take note that something is on its way in the background (1), or is there (-1). It stops no real time."""


class MovableClock(Clock):
    """Time that a test moves forward, so that a wait that has to expire does so at once.

    All methods may be used from any thread.

    Args:
        running: Whether time passes by itself as well. Default: yes. Where it does not, a wait ends only by what it
            waits for, by ``advance``, and with a RuntimeError where neither came.
        still_s: Real seconds without either, after which a wait fails. Default: two minutes.
    """

    def __init__(self, *, running: bool = True, still_s: float = STILL_S) -> None:
        self._lock = threading.Lock()
        self._running = running
        self._still_s = still_s
        self._added = 0.0
        self._skipping: dict[int, Callable[[], object]] = {}
        self._skipping_pauses: dict[int, Callable[[], object]] = {}
        self._calls: list[tuple[float, int, Callable[[], object]]] = []
        self._held = 0
        self._numbers = itertools.count()

    def seconds(self) -> float:
        """Return the seconds that were added, and where time passes by itself, the real ones."""
        return self._added + (time.monotonic() if self._running else 0.0)

    def advance(self, seconds: float) -> None:
        """Move time forward; each wait that is due by then ends at once.

        Raises:
            ValueError: The number of seconds is negative.
        """
        if not seconds >= 0:
            raise ValueError(f"A clock cannot go back; it was asked to advance by {seconds:g} seconds.")
        self._move(self.seconds() + seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> None:
        """Call a function when so many seconds of this clock have passed.

        Args:
            seconds: Seconds from now.
            callback: The function. It is called in the thread that moves the clock to that time, or in one that waits
                then; it must not block.
        """
        with self._lock:
            heapq.heappush(self._calls, (self.seconds() + seconds, next(self._numbers), callback))

    def hold(self, change: int) -> None:
        """Take note that something is on its way in the background (1), or is there (-1): meanwhile no wait skips."""
        with self._lock:
            self._held += change

    @contextmanager
    def skipping(self, idle: Callable[[], object] = lambda: True) -> Iterator[None]:
        """Let each wait of this thread take no time while the block runs: time moves to the end of the wait.

        Args:
            idle: Whether nothing is on its way that the wait is for. Time is not moved before it returns a true value.
                Default: always true. What ``call_later`` is still to call needs no mention: time stops there first.
        """
        with _registered(self._skipping, idle):
            yield

    @contextmanager
    def skipping_pauses(self, idle: Callable[[], object] = lambda: True) -> Iterator[None]:
        """Let each pause of this thread take no time while the block runs; a wait for something takes its time.

        Args:
            idle: Whether nothing is on its way that will be looked at after the pause; see ``skipping``.
        """
        with _registered(self._skipping_pauses, idle):
            yield

    def pause(self, seconds: float) -> None:
        """Wait as ``Clock.pause`` does; see also ``skipping_pauses``."""
        thread = threading.get_ident()
        self._wait(threading.Event(), seconds, self._skipping_pauses.get(thread) or self._skipping.get(thread))

    def wait(self, waitable: Waitable, limit_s: float | None) -> bool:
        """Wait as ``Clock.wait`` does; see also ``skipping``."""
        if limit_s is None:
            return waitable.wait()
        return self._wait(waitable, limit_s, self._skipping.get(threading.get_ident()))

    def _wait(self, waitable: Waitable, limit_s: float, idle: Callable[[], object] | None) -> bool:
        moved, begin = self.seconds(), time.monotonic()
        end = moved + limit_s
        with _without_loss(waitable) as wait:
            while True:
                if self.seconds() != moved:
                    moved, begin = self.seconds(), time.monotonic()
                elif time.monotonic() - begin > self._still_s:
                    raise RuntimeError(
                        f"A wait of {limit_s:g} s hangs: the clock has stood still for {self._still_s:g} s."
                    )
                self._move(self.seconds())
                skips = idle is not None and not self._held and bool(idle())
                left = end - self.seconds()
                if wait(0.0 if skips else max(0.0, min(left, SLICE_S))):
                    return True
                if skips:
                    self._move(min(end, self._next_call))
                if left <= 0 or self.seconds() >= end:
                    return False

    @property
    def _next_call(self) -> float:
        """When the next function is to be called; infinite if none is."""
        with self._lock:
            return self._calls[0][0] if self._calls else math.inf

    def _move(self, moment: float) -> None:
        """Move time to a moment, unless it is later already, and call on the way what is to be called by then."""
        while True:
            with self._lock:
                due = heapq.heappop(self._calls) if self._calls and self._calls[0][0] <= moment else None
                step = max(0.0, (moment if due is None else due[0]) - self.seconds())
                self._added += math.ceil(step / GRAIN_S) * GRAIN_S
            if due is None:
                return
            due[2]()


@contextmanager
def _without_loss(waitable: Waitable) -> Iterator[Callable[[float], bool]]:
    """Yield a function that waits some seconds for a waitable; no notification is lost between two calls of it.

    A condition loses one that comes when a wait has timed out and has not got the lock back yet.
    """
    if not isinstance(waitable, threading.Condition):
        yield waitable.wait
        return
    condition: Any = waitable
    notified = threading.Lock()
    notified.acquire()
    # As ``Condition.wait`` does; but the condition knows this lock, which it releases to notify, until the end.
    condition._waiters.append(notified)
    state = condition._release_save()
    try:
        yield lambda seconds: notified.acquire(timeout=seconds)
    finally:
        condition._acquire_restore(state)
        if notified in condition._waiters:
            condition._waiters.remove(notified)


@contextmanager
def _registered(table: dict[int, Callable[[], object]], idle: Callable[[], object]) -> Iterator[None]:
    """Keep a condition in a table for this thread while the block runs."""
    thread = threading.get_ident()
    before = table.get(thread)
    table[thread] = idle
    try:
        yield
    finally:
        if before is None:
            del table[thread]
        else:
            table[thread] = before


_clock = Clock()


def seconds() -> float:
    """Return the seconds of the clock in force; they never go back."""
    return _clock.seconds()


def wait(waitable: Waitable, limit_s: float | None) -> bool:
    """Wait for a condition or an event, at most so many seconds of the clock in force; see ``Clock.wait``."""
    return _clock.wait(waitable, limit_s)


def pause(seconds: float) -> None:
    """Wait so many seconds of the clock in force; see ``Clock.pause``."""
    _clock.pause(seconds)


def held() -> Callable[[], None]:
    """Take note that something is on its way in the background, by the clock in force; return what ends that.

    A clock that skips waits does not skip meanwhile.
    """
    clock = _clock
    clock.hold(1)
    return lambda: clock.hold(-1)


@contextmanager
def using(clock: Clock) -> Iterator[None]:
    """Put a clock in force, for the whole process, while the block runs."""
    global _clock
    before, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = before
