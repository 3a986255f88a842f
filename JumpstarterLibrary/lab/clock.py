"""The lab's clock: lab seconds, which tests let run faster or jump."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Timer:
    """A function that the clock calls once, on the event loop that asked for it. Made by ``Clock.at``."""

    def __init__(self, clock: Clock, due: float, function: Callable[[], object]) -> None:
        self._clock = clock
        self._due = due
        self._function = function
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.Handle = self._loop.call_soon(self._arm)
        self._over = False

    def cancel(self) -> None:
        """Do not call the function any more. To be used on the timer's own loop."""
        self._over = True
        self._handle.cancel()
        self._clock._forget(self)

    def look_again(self) -> None:
        """Reckon anew how long it takes, from any thread: the clock has jumped, or runs at another speed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arm)

    def _arm(self) -> None:
        if self._over:
            return
        self._handle.cancel()
        left = self._due - self._clock.seconds()
        if left <= 0:
            self.cancel()
            self._function()
        elif (real := self._clock.real(left)) != math.inf:
            self._handle = self._loop.call_later(real, self._arm)


class Clock:
    """A clock whose seconds can be shorter than real ones. All its methods may be used from any thread.

    Args:
        scale: Lab seconds in a real second. Default: 1. With 0 the clock stands still and only ``advance`` moves it.
        start: Lab time at the beginning. Default: the real time. With ``scale`` above 1 lab time runs ahead of it.
    """

    def __init__(self, scale: float = 1.0, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._timers: set[Timer] = set()
        self._start = start if start is not None else datetime.now(UTC)
        self._scale = _checked(scale)
        self._base = 0.0
        self._since = time.monotonic()

    @property
    def scale(self) -> float:
        """Lab seconds in a real second. Can be set at any time."""
        return self._scale

    @scale.setter
    def scale(self, scale: float) -> None:
        self._move(0.0, _checked(scale))

    def seconds(self) -> float:
        """Return the lab seconds since the clock was made; they never go back."""
        with self._lock:
            return self._seconds()

    def now(self) -> datetime:
        """Return lab time, with the time zone UTC."""
        return self.at_second(self.seconds())

    def at_second(self, seconds: float) -> datetime:
        """Return the lab time at a lab second."""
        return self._start + timedelta(seconds=seconds)

    def second_of(self, moment: datetime) -> float:
        """Return the lab second of a lab time."""
        return (moment - self._start).total_seconds()

    def real(self, lab_seconds: float) -> float:
        """Return how many real seconds so many lab seconds take; infinitely many where the clock stands still."""
        if lab_seconds <= 0:
            return 0.0
        return lab_seconds / self._scale if self._scale else math.inf

    async def sleep(self, lab_seconds: float) -> None:
        """Wait so many lab seconds; less when a test advances the clock."""
        await self.sleep_until(self.seconds() + lab_seconds)

    async def sleep_until(self, second: float) -> None:
        """Wait for a lab second, which may be over already when the wait begins."""
        woken = asyncio.Event()
        timer = self.at(second, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def at(self, second: float, function: Callable[[], object]) -> Timer:
        """Call a function at a lab second, on the running event loop, and never before this call returns.

        Args:
            second: When; a second in the past means as soon as possible.
            function: What to call.
        """
        timer = Timer(self, second, function)
        with self._lock:
            self._timers.add(timer)
        return timer

    def advance(self, lab_seconds: float) -> None:
        """Advance lab time, and fire the timers that are due by then.

        Args:
            lab_seconds: How far, at least 0.

        Raises:
            ValueError: It would go back.
        """
        if not lab_seconds >= 0:
            raise ValueError(f"The lab's clock cannot go back; it was asked to advance by {lab_seconds:g} seconds.")
        self._move(lab_seconds, self._scale)

    def _move(self, lab_seconds: float, scale: float) -> None:
        with self._lock:
            self._base = self._seconds() + lab_seconds
            self._since = time.monotonic()
            self._scale = scale
            timers = list(self._timers)
        for timer in timers:
            timer.look_again()

    def _seconds(self) -> float:
        return self._base + (time.monotonic() - self._since) * self._scale

    def _forget(self, timer: Timer) -> None:
        with self._lock:
            self._timers.discard(timer)


def _checked(scale: float) -> float:
    if not 0 <= scale < math.inf:
        raise ValueError(f"The scale of the lab's clock must be a number from 0 on, not {scale:g}.")
    return scale
