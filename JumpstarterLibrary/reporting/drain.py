"""Queue events of background threads until the main thread writes them to the log.

Robot Framework drops everything that another thread logs.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from robot.api import logger

from JumpstarterLibrary.client.devices.notices import EventSink
from JumpstarterLibrary.client.events import Event
from JumpstarterLibrary.reporting.hints import ROBOT

LIMIT = 10_000
"""Events that wait at most; beyond that the oldest are dropped, and the log says how many."""


class EventDrain:
    """Collects events in any thread and writes them in the main one.

    Args:
        secrets: Returns texts that no line may show. Default: none.
    """

    def __init__(self, secrets: Callable[[], Iterable[str]] = lambda: ()) -> None:
        self._events: deque[tuple[Event, str]] = deque(maxlen=LIMIT)
        self._lock = threading.Lock()
        self._dropped = 0
        self._sink = EventSink(_log, lambda text: logger.console(text), ROBOT, shows_warnings=True, secrets=secrets)

    def put(self, event: Event, device: str = "") -> None:
        """Keep an event for the main thread.

        Args:
            event: What happened.
            device: The alias of the device that it happened to, if it is to be told.
        """
        with self._lock:
            self._dropped += len(self._events) == LIMIT
            self._events.append((event, device))

    def drain(self) -> None:
        """Write all that waits; elsewhere than in the main thread, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        with self._lock:
            events, dropped = list(self._events), self._dropped
            self._events.clear()
            self._dropped = 0
        if dropped:
            logger.warn(f"{dropped} events came faster than they could be logged and were dropped.")
        for event, device in events:
            self._sink.put(event, device)


def _log(level: str, text: str) -> None:
    logger.write(text, level)  # type: ignore[arg-type]
