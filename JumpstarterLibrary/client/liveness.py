"""Notice that an exporter is lost although its connection stands: it is silent, and answers no question.

gRPC's own pings cannot tell that: exporters on unix sockets, and so behind tunnels, refuse them, and the gRPC of a busy
exporter may answer them by itself. A silent exporter is asked for its status instead; one that is too old to know it
says so, which is an answer, too. A driver may work as long as it wants: its exporter answers meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.interrupts import interruptible

QUIET_S = 5.0
"""How long an exporter may be silent before it is asked whether it is there, and how long each question is open."""

QUESTIONS = 6
"""Questions for which a shorter limit has time, too: a single moment without processor time makes no exporter lost."""

LEAST_PACE_S = 0.1
"""The shortest time for a question, also where the limit is 0."""

MISSED = 3
"""Questions in a row without an answer that an exporter is lost for at the earliest."""

LOOKS = 5
"""How often it is looked for an answer while a question is open."""


class Liveness:
    """What is known of an exporter's signs of life. Only one thread may ``look``.

    Args:
        heard: Returns when the exporter was heard last, in seconds of the client's clock.
        ask: Asks for a sign of life that need not come after so many seconds, without waiting for it.
        limit_s: Returns how many seconds an exporter may be silent until it is lost.
    """

    def __init__(
        self, heard: Callable[[], float], ask: Callable[[float], object], limit_s: Callable[[], float]
    ) -> None:
        self._heard = heard
        self._ask = ask
        self._limit_s = limit_s
        self._seen = heard()
        self._asked: float | None = None
        self._missed = 0

    @property
    def limit_s(self) -> float:
        """Seconds that the exporter may be silent."""
        return self._limit_s()

    @property
    def pace_s(self) -> float:
        """Seconds of silence before a question, and for an answer."""
        return min(QUIET_S, max(LEAST_PACE_S, self.limit_s / QUESTIONS))

    @property
    def silent_s(self) -> float:
        """Seconds since the exporter was heard last."""
        return clock.seconds() - self._heard()

    def look(self) -> bool:
        """Ask an exporter that is silent; return whether it is lost.

        Time that passes without a look makes no exporter lost: neither this process nor the exporter may have run.
        """
        now, heard, pace_s = clock.seconds(), self._heard(), self.pace_s
        if heard > self._seen:
            self._seen, self._asked, self._missed = heard, None, 0
        if now - heard < pace_s:
            return False
        if self._asked is not None:
            if now - self._asked < pace_s:
                return False
            self._missed += 1
        if self._missed >= MISSED and now - heard >= self.limit_s:
            self._asked, self._missed = None, 0
            return True
        self._asked = now
        self._ask(pace_s)
        return False


class LivenessWatch:
    """Looks for an exporter's signs of life, in a daemon thread, until ``close``.

    Args:
        pace_s: Returns the seconds of a question.
        look: Looks, and returns whether the exporter is lost.
        lost: Called in that thread each time that the exporter is lost; it must not block.
    """

    def __init__(self, pace_s: Callable[[], float], look: Callable[[], bool], lost: Callable[[], object]) -> None:
        self._pace_s, self._look, self._lost = pace_s, look, lost
        self._closed = threading.Event()
        with interruptible:
            threading.Thread(target=self._run, name="jumpstarter-liveness", daemon=True).start()

    def close(self) -> None:
        """Look no more. Closing twice is fine."""
        self._closed.set()

    def _run(self) -> None:
        while not clock.wait(self._closed, self._pace_s() / LOOKS):
            if self._look():
                self._lost()
