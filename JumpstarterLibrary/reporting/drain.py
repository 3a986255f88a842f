"""Queue events of background threads until the main thread writes them to the log.

Robot Framework drops everything that another thread logs.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import ClassVar

from robot.api import logger

from JumpstarterLibrary.client.events import Event, LogRecord, Notice, Progress, TransferEnded
from JumpstarterLibrary.reporting.hints import ROBOT

LIMIT = 10_000
"""Events that wait at most; beyond that the oldest are dropped, and the log says how many."""


class EventDrain:
    """Collects events in any thread and writes them in the main one.

    Attributes:
        KINDS: The kinds of events that it writes.
    """

    KINDS: ClassVar[tuple[type[Event], ...]] = (LogRecord, Notice, Progress, TransferEnded)

    def __init__(self) -> None:
        self._events: deque[tuple[Event, str]] = deque(maxlen=LIMIT)
        self._lock = threading.Lock()
        self._dropped = 0

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
            level, text = _rendered(event, device)
            logger.write(text, level)  # type: ignore[arg-type]
            # Warnings are shown by Robot itself.
            if isinstance(event, Notice) and event.console and level != "WARN":
                logger.console(text)


def _rendered(event: Event, device: str) -> tuple[str, str]:
    match event:
        case LogRecord():
            level = "DEBUG" if event.severity == "DEBUG" else "INFO"
            of = f" of '{device}'" if device else ""
            return level, f"exporter log{of}: {event.source} {event.severity}: {event.message}"
        case Progress():
            return "INFO", str(event)
        case Notice():
            return event.level, event.phrased(ROBOT)
    return "DEBUG", str(event)
