"""The exporter's time limits and pauses, and their scale in tests."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Protocol


class PauseClock(Protocol):
    """A clock for pauses that take minutes: that of a virtual lab, or of the system."""

    def seconds(self) -> float:
        """Return the seconds since some moment; they never go back."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Wait so many seconds."""
        ...


@dataclass(frozen=True, kw_only=True)
class ExporterTiming:
    """Durations of an exporter's life, in seconds. The defaults are upstream's where it has them.

    Attributes:
        scale: How many times faster than real time the pauses pass: what is called a pause below is divided by it. What
            real programs and connections take is not.
        release_pause_s: Pause between the last status of a session that has hooks and what follows it, so that clients
            that poll can see that status.
        grace_s: Pause that running calls get when a session ends.
        retry_first_s: Pause before the first new attempt at something that failed; later ones double it.
        retry_limit_s: The longest such pause. There is no limit to the number of attempts.
        call_limit_s: What one call to the controller may take.
        stop_limit_s: What telling the controller that this exporter goes away may take in all.
        kill_after_s: What a hook gets between being asked to end and being killed.
        linger_s: Pause in which tunnels may pass on that their session has ended.
        stream_end_s: Pause that a router gets to end a stream whose directions have both ended.
        clock: What pauses between tries to start the drivers pass on. Default: the system's clock, scaled.
    """

    scale: float = 1.0
    release_pause_s: float = 1.0
    grace_s: float = 1.0
    retry_first_s: float = 0.5
    retry_limit_s: float = 10.0
    call_limit_s: float = 30.0
    stop_limit_s: float = 10.0
    kill_after_s: float = 5.0
    linger_s: float = 0.5
    stream_end_s: float = 2.0
    clock: PauseClock | None = None

    def __post_init__(self) -> None:
        """Check the scale.

        Raises:
            ValueError: It is not above 0.
        """
        if not self.scale > 0:
            raise ValueError(f"The scale of an exporter's timing must be above 0, not {self.scale:g}.")

    def real(self, pause_s: float) -> float:
        """Return the real seconds of a pause."""
        return pause_s / self.scale

    @property
    def pause_clock(self) -> PauseClock:
        """The clock of long pauses."""
        return self.clock or _ScaledClock(self.scale)


class _ScaledClock:
    """The system's clock, so many times faster.

    Args:
        scale: How many of its seconds pass in one real second.
    """

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def seconds(self) -> float:
        return time.monotonic() * self._scale

    async def sleep(self, seconds: float, /) -> None:
        await asyncio.sleep(seconds / self._scale)


class Backoff:
    """Pauses between attempts: each twice as long as the one before, up to a limit, and a little by chance.

    Args:
        timing: First pause and limit.
    """

    def __init__(self, timing: ExporterTiming) -> None:
        self._timing = timing
        self._next = timing.retry_first_s

    def pause(self) -> float:
        """Return the real seconds to wait before the next attempt."""
        pause, self._next = self._next, min(self._next * 2, self._timing.retry_limit_s)
        # Hundreds of exporters that lost the same controller do not come back in the same moment.
        return self._timing.real(pause * random.uniform(0.8, 1.2))

    def reset(self) -> None:
        """Begin with the first pause again, after a success."""
        self._next = self._timing.retry_first_s
