"""The board's time: seconds that pass faster than ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Clock:
    """Board seconds: those of a real board, played ``speed`` times as fast.

    Args:
        speed: Board seconds that pass in one second of ours; 1 is real time.
        source: Where seconds come from; it has to agree with the event loop's own time.

    Raises:
        ValueError: ``speed`` is not above zero.
    """

    def __init__(self, speed: float = 10.0, source: Callable[[], float] = time.monotonic) -> None:
        if not speed > 0:
            raise ValueError(
                f"The board's speed must be above 0, not {speed}; 1 is real time, 10 is ten times as fast."
            )
        self.speed = speed
        self._source = source
        self._start = source()

    def now(self) -> float:
        """Return the board seconds since the clock was made."""
        return (self._source() - self._start) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Let board seconds pass."""
        await asyncio.sleep(seconds / self.speed)

    async def sleep_until(self, moment: float) -> None:
        """Sleep until ``now()`` is ``moment``. Absolute moments keep a long series of sleeps from drifting."""
        await asyncio.sleep(max(moment - self.now(), 0) / self.speed)

    def limit(self, seconds: float) -> asyncio.Timeout:
        """Return a context manager that raises TimeoutError after so many board seconds."""
        return asyncio.timeout(seconds / self.speed)
