"""Time as a deadline: one monotonic instant that every step of an operation shares."""

from __future__ import annotations

import datetime
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

from JumpstarterLibrary.client import clock


class Deadline:
    """A point in time after which an operation gives up.

    Args:
        timeout: Seconds (or a timedelta) from now; None for no limit.
        name: What the limit is called where it is set, for messages; empty for the caller's own.
    """

    def __init__(self, timeout: float | datetime.timedelta | None, name: str = "") -> None:
        self.name = name
        self.timeout = timeout.total_seconds() if isinstance(timeout, datetime.timedelta) else timeout
        self._end = math.inf if self.timeout is None else clock.seconds() + self.timeout

    @classmethod
    def of(cls, timeout: Seconds, default: float | None = None, name: str = "") -> Deadline:
        """Return the deadline for a timeout; one that is already running is shared.

        Args:
            timeout: Seconds, a timedelta or a deadline; None for the default.
            default: Seconds where there is no timeout. Default: no limit.
            name: What the default is called where it is set.
        """
        if isinstance(timeout, Deadline):
            return timeout
        return cls(default, name) if timeout is None else cls(timeout)

    @property
    def remaining(self) -> float | None:
        """Seconds left, never below 0; None without a limit."""
        return None if self.timeout is None else max(0.0, self._end - clock.seconds())

    @property
    def told(self) -> str:
        """The whole limit in words, with its name if it has one: ``10 minutes (power_timeout)``."""
        return format_duration(self.timeout or 0) + (f" ({self.name})" if self.name else "")

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return clock.seconds() >= self._end

    def at_most(self, limit: float) -> float:
        """Return the seconds left, or ``limit`` where that is less."""
        remaining = self.remaining
        return limit if remaining is None else min(limit, remaining)

    def within(self, limit: float, least: float = 0.0) -> Deadline:
        """Return the deadline of one step: ``limit`` seconds from now, or this deadline where it ends sooner.

        Its ``timeout`` is the limit that applies, as messages tell it: ``limit``, or what this one was asked for, never
        the time that is left.

        Args:
            limit: Seconds that the step may take.
            least: Seconds that it gets in any case.
        """
        remaining = self.remaining
        if remaining is None or limit <= max(remaining, least):
            return Deadline(max(limit, least))
        return self if least <= remaining else Deadline(least)


class Watchdog:
    """A context manager that calls ``bark`` once, from a daemon thread, unless it is fed or left in time.

    Args:
        timeout_s: Seconds of patience, counted anew by each ``feed``.
        bark: What to do when patience ends; it must not block.
        armed: Whether patience counts from the start, or only once ``arm`` is called.
    """

    def __init__(self, timeout_s: float, bark: Callable[[], object], *, armed: bool = True) -> None:
        self.barked = False
        self._timeout_s = timeout_s
        self._bark = bark
        self._condition = threading.Condition()
        self._end = math.inf
        self._stopped = False
        self._started = False
        if armed:
            self.arm()

    def arm(self) -> None:
        """Begin to count."""
        with self._condition:
            self._end = clock.seconds() + self._timeout_s
            if not self._started and not self._stopped:
                self._started = True
                threading.Thread(target=self._run, name="jumpstarter-watchdog", daemon=True).start()

    def feed(self) -> None:
        """Count anew, if it counts at all."""
        if self._end != math.inf:
            self._end = clock.seconds() + self._timeout_s

    def _run(self) -> None:
        with self._condition:
            while not self._stopped and (left := self._end - clock.seconds()) > 0:
                clock.wait(self._condition, left)
            if self._stopped:
                return
            self.barked = True
        self._bark()

    def __enter__(self) -> Watchdog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._condition:
            self._stopped = True
            self._condition.notify_all()


_search: ContextVar[Deadline | None] = ContextVar("search", default=None)


@contextmanager
def limited_search(timeout: float | datetime.timedelta | None) -> Iterator[None]:
    """Let no search for a lost exporter last longer than some seconds from now while the block runs, in this thread.

    For callers who have a limit for all that they do, and reach the exporter at several places.

    Args:
        timeout: Seconds or timedelta; None for no further limit.
    """
    token = _search.set(_search.get() if timeout is None else Deadline(timeout))
    try:
        yield
    finally:
        _search.reset(token)


def search_limit(deadline: Deadline | None) -> Deadline | None:
    """Return until when a lost exporter may be looked for: an operation's own deadline, or that of its caller."""
    outer = _search.get()
    if deadline is None or deadline.remaining is None or outer is None:
        return outer if deadline is None or deadline.remaining is None else deadline
    return min(deadline, outer, key=lambda one: one.remaining or 0.0)


Seconds = float | datetime.timedelta | Deadline | None
"""A time limit as callers give it: seconds, a timedelta, a deadline that is already running, or None for the default,
which is no limit unless the function says otherwise."""


def seconds(value: Seconds) -> float | None:
    """Return a time limit in seconds from now; None stays None."""
    match value:
        case Deadline():
            return value.remaining
        case datetime.timedelta():
            return value.total_seconds()
    return value


_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def format_duration(value: float) -> str:
    """Return a length of time in seconds as people say it: ``1.5 seconds``, ``10 minutes``, ``2 hours``."""
    if value < 0:
        return f"-{format_duration(-value)}"
    if round(value * 1000) < 1000:
        return f"{round(value * 1000)} millisecond{'s' * (round(value * 1000) != 1)}"
    amount, unit = next(
        ((value / size, name) for name, size in _UNITS if value >= 2 * size and value % size == 0), (value, "second")
    )
    text = f"{amount:.1f}".removesuffix(".0")
    return f"{text} {unit}" if text == "1" else f"{text} {unit}s"
