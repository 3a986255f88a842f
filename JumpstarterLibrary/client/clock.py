"""The client's clock: every deadline, wait and poll of the client reads it, so that a test can move time.

The functions of this module use the clock that is in force, which is real time unless ``using`` has put another one in
its place. There is one for the process: a wait in a background thread has to agree with the deadline that it serves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

SLICE_S = 0.002
"""How often a wait on a movable clock looks whether time was moved; real seconds."""


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


class MovableClock(Clock):
    """Time that a test moves forward, so that a wait that has to expire does so at once.

    All methods may be used from any thread.

    Args:
        running: Whether time passes by itself as well. Default: yes. Where it does not, a wait ends only by what it
            waits for, and by ``advance``.
    """

    def __init__(self, *, running: bool = True) -> None:
        self._lock = threading.Lock()
        self._running = running
        self._added = 0.0
        self._skipping: dict[int, Callable[[], object]] = {}
        self._skipping_pauses: dict[int, Callable[[], object]] = {}

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
        with self._lock:
            self._added += seconds

    @contextmanager
    def skipping(self, idle: Callable[[], object] = lambda: True) -> Iterator[None]:
        """Let each wait of this thread take no time while the block runs: time moves to the end of the wait.

        Args:
            idle: Whether nothing is on its way that the wait is for. Time is not moved before it returns a true value.
                Default: always true.
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
        end = self.seconds() + limit_s
        while True:
            skips = idle is not None and bool(idle())
            left = end - self.seconds()
            if waitable.wait(0.0 if skips else max(0.0, min(left, SLICE_S))):
                return True
            if skips:
                self.advance(max(0.0, left))
            if left <= 0 or skips:
                return False


@contextmanager
def _registered(table: dict[int, Callable[[], object]], idle: Callable[[], object]) -> Iterator[None]:
    """Keep a condition in a table for this thread while the block runs."""
    thread = threading.get_ident()
    table[thread] = idle
    try:
        yield
    finally:
        del table[thread]


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


@contextmanager
def using(clock: Clock) -> Iterator[None]:
    """Put a clock in force, for the whole process, while the block runs."""
    global _clock
    before, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = before
