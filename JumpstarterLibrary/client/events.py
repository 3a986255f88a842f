"""Events of the core: each is emitted once, and every reporter subscribes.

Events may be emitted in any thread. A subscriber must be quick and must not raise; one that can only work in the main
thread collects events and drains them there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from JumpstarterLibrary.hints import PYTHON, Hint, Phrases, with_hints


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        time: Seconds since the epoch.
    """

    time: float = field(default_factory=time.time, kw_only=True)


@dataclass(frozen=True)
class Notice(Event):
    """A sentence for the log.

    Attributes:
        text: The sentence.
        level: ``DEBUG``, ``INFO`` or ``WARN``.
        console: Whether a person who waits at a screen should see it at once, too.
        hints: What to try.
    """

    text: str
    level: str = "INFO"
    console: bool = False
    hints: tuple[Hint, ...] = ()

    def phrased(self, phrases: Phrases = PYTHON) -> str:
        """Return the sentence, and the hints in the terms of a face. Default: the Python API's."""
        return with_hints(self.text, self.hints, phrases)


@dataclass(frozen=True)
class Progress(Event):
    """How far a transfer is.

    Attributes:
        operation: The transfer in words.
        done: Bytes so far.
        total: Bytes in all; None if unknown.
        seconds: Time since it began.
    """

    operation: str
    done: int
    total: int | None
    seconds: float

    def __str__(self) -> str:
        rate = self.done / self.seconds / 1e6 if self.seconds else 0.0
        share = f" of {self.total / 1e6:.1f} MB ({100 * self.done / self.total:.0f} %)" if self.total else ""
        return f"{self.operation}: {self.done / 1e6:.1f} MB{share}, {rate:.1f} MB/s"


@dataclass(frozen=True)
class LogRecord(Event):
    """A line of the exporter's log.

    Attributes:
        message: The line.
        severity: Python's level name.
        source: ``DRIVER``, ``SYSTEM``, ``BEFORE_LEASE_HOOK``, ``AFTER_LEASE_HOOK`` or ``UNSPECIFIED``.
    """

    message: str
    severity: str
    source: str


@dataclass(frozen=True)
class Uploaded(Event):
    """A file that a driver has taken to its end.

    Attributes:
        driver: The driver and the method in words, as messages have them.
        name: The file's name.
        size: Its bytes.
        sha256: SHA-256 of these bytes, in hexadecimal.
    """

    driver: str
    name: str
    size: int
    sha256: str


Subscriber = Callable[[Event], None]

Listener = Callable[[str, bytes], None]


class Events:
    """The subscribers of one device."""

    def __init__(self) -> None:
        self._subscribers: tuple[Subscriber, ...] = ()
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call a function with every event from now on."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Call a function no more; one that was not called is fine."""
        with self._lock:
            self._subscribers = tuple(each for each in self._subscribers if each != subscriber)

    def emit(self, event: Event) -> None:
        """Hand an event to all subscribers."""
        for subscriber in self._subscribers:
            subscriber(event)

    def listen(self, listener: Listener) -> None:
        """Call a function with what the byte streams of drivers bring from now on: the driver's path, and the bytes.

        These are no events: there may be hundreds of megabytes, which no other subscriber wants.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def heard(self, driver: str, data: bytes) -> None:
        """Hand what a driver's byte stream has brought to the listeners."""
        for listener in self._listeners:
            listener(driver, data)
