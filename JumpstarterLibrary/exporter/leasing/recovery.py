"""Bring back an exporter that could not start a lease: tries with growing pauses, and the failures that end them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from JumpstarterLibrary.exporter.leasing.timing import PauseClock

FIRST_PAUSE_S = 5.0
LAST_PAUSE_S = 60.0
"""Between two tries; each pause is twice as long as the one before. With upstream's default, five failures in a minute,
a board that is unplugged for hours does not end its exporter."""

_log = logging.getLogger(__name__)


class StartFailed(Exception):
    """The exporter cannot start a lease: drivers cannot be made or reset, or sockets not be bound.

    The text is the driver's or the system's sentence.
    """


@dataclass(frozen=True, kw_only=True)
class FailureLimit:
    """The limit of failures that ends an exporter, ``failureDetection`` of its configuration.

    Attributes:
        failures: How many starts have to fail in a row.
        window_s: Seconds in which they have to fail.
    """

    failures: int = 5
    window_s: float = 60.0


class StartRecovery:
    """Try to start the drivers of an exporter again and again, while it has no lease.

    Args:
        start: Starts the drivers and closes them again; raises StartFailed where they cannot start.
        limit: How many failures are too many.
        clock: Measures the pauses, and the seconds between failures.
    """

    def __init__(self, start: Callable[[], Awaitable[None]], limit: FailureLimit, clock: PauseClock) -> None:
        self._start = start
        self._limit = limit
        self._clock = clock
        self._recent: deque[float] = deque(maxlen=limit.failures)
        self._pause_s = FIRST_PAUSE_S
        self._reason = ""

    @property
    def given_up(self) -> str | None:
        """Why the exporter has to end, in a sentence; None where it has not."""
        limit = self._limit
        if len(self._recent) < limit.failures or self._recent[-1] - self._recent[0] >= limit.window_s:
            return None
        if limit.failures == 1:
            return f"The exporter gives up, because its drivers failed to start (failureDetection): {self._reason}"
        return (
            f"The exporter gives up, because its drivers failed to start {limit.failures} times within "
            f"{limit.window_s:g} seconds (failureDetection), the last time: {self._reason}"
        )

    def note(self, failure: StartFailed) -> None:
        """Count a failure."""
        self._recent.append(self._clock.seconds())
        # The same reason is told once: a board may be away for days.
        level = logging.DEBUG if str(failure) == self._reason else logging.ERROR
        self._reason = str(failure)
        _log.log(level, "The drivers could not start: %s", failure)

    def reset(self) -> None:
        """Forget all failures, after a lease that started."""
        self._recent.clear()
        self._pause_s, self._reason = FIRST_PAUSE_S, ""

    async def run(self) -> bool:
        """Try until the drivers start, or too many tries have failed. Cancelling ends the tries.

        Returns:
            Whether the drivers start.
        """
        while self.given_up is None:
            if self._pause_s < LAST_PAUSE_S:
                _log.info("The exporter takes no lease, and tries to start its drivers in %g s.", self._pause_s)
            await self._clock.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LAST_PAUSE_S)
            try:
                await self._start()
            except StartFailed as error:
                self.note(error)
            else:
                _log.info("The drivers start again.")
                return True
        return False
