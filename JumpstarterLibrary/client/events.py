"""Events of the core: each is emitted once, and every reporter subscribes.

Events may be emitted in any thread. A subscriber must be quick and must not raise; one that can only work in the main
thread collects events and drains them there. `client/devices/event_log.py` writes them to a file; its schema is in
`docs/event-log.md`, and the fields of the classes here are the fields of its lines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.hints import PYTHON, Hint, Phrases, with_hints


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        KIND: The kind of event, as the event log names it.
        WEIGHTY: Whether the event log is to be on disk at once, in case the process ends hard.
        time: Seconds since the epoch.
        monotonic: Seconds of the client's clock, which is never set back.
    """

    KIND: ClassVar[str] = "event"
    WEIGHTY: ClassVar[bool] = False

    time: float = field(default_factory=time.time, kw_only=True)
    monotonic: float = field(default_factory=clock.seconds, kw_only=True, compare=False)

    @property
    def weighty(self) -> bool:
        """Whether this event has weight; see ``WEIGHTY``."""
        return self.WEIGHTY


@dataclass(frozen=True)
class Notice(Event):
    """A sentence for the log.

    Attributes:
        text: The sentence.
        level: ``DEBUG``, ``INFO`` or ``WARN``.
        console: Whether a person who waits at a screen should see it at once, too.
        hints: What to try.
    """

    KIND: ClassVar[str] = "notice"
    WEIGHTY: ClassVar[bool] = True

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

    KIND: ClassVar[str] = "progress"

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
        exporter_time: When the exporter wrote it, in seconds since the epoch by the exporter's clock; None where the
            exporter does not tell.
    """

    KIND: ClassVar[str] = "exporter_log"

    message: str
    severity: str
    source: str
    exporter_time: float | None = None


@dataclass(frozen=True)
class TransferEnded(Event):
    """A file or image that a driver has taken, or given, to its end.

    Attributes:
        direction: ``upload`` or ``download``.
        operation: The driver and the method in words, as messages have them.
        name: The file's name; empty where only a stream is known.
        size: Its bytes.
        sha256: SHA-256 of these bytes, in hexadecimal; None where it was not computed.
        seconds: How long the transfer took.
    """

    KIND: ClassVar[str] = "transfer"
    WEIGHTY: ClassVar[bool] = True

    direction: str
    operation: str
    name: str
    size: int
    sha256: str | None
    seconds: float

    def __str__(self) -> str:
        rate = self.size / self.seconds / 1e6 if self.seconds else 0.0
        digest = f", SHA-256 {self.sha256}" if self.sha256 else ""
        of = f" of '{self.name}'" if self.name else ""
        return f"{self.operation}: {self.direction}{of} ended: {self.size} bytes, {rate:.1f} MB/s{digest}"


@dataclass(frozen=True)
class CallBegun(Event):
    """A driver call that begins.

    Attributes:
        call: Number of the call in this process.
        driver: The driver path.
        method: The method's name on the exporter.
        call_type: ``unary`` or ``streaming``.
        args: The arguments, shortened and without secrets.
    """

    KIND: ClassVar[str] = "call"

    call: int
    driver: str
    method: str
    call_type: str
    args: Sequence[object]


@dataclass(frozen=True)
class CallEnded(Event):
    """The answer to a driver call, or its failure.

    Attributes:
        call: Number of the call in this process.
        driver: The driver path.
        method: The method's name on the exporter.
        seconds: How long the call took.
        answer: The shape of the answer; None after a failure.
        results: How many results a streaming call has brought; None for a unary one.
        error: Code of the error, or the name of the exception; None where the call succeeded.
        fault: What the error counts against; None without an error of ours.
        message: The error's sentence.
    """

    KIND: ClassVar[str] = "answer"

    call: int
    driver: str
    method: str
    seconds: float
    answer: object = None
    results: int | None = None
    error: str | None = None
    fault: str | None = None
    message: str | None = None

    @property
    def weighty(self) -> bool:
        """Whether the call has failed."""
        return self.error is not None


@dataclass(frozen=True)
class Measurement(Event):
    """Numbers that a driver has measured, such as a power reading.

    Attributes:
        driver: The driver path.
        method: The streaming method that brought them.
        values: Numbers by name.
    """

    KIND: ClassVar[str] = "measurement"

    driver: str
    method: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class PowerAction(Event):
    """An action of a power driver: it begins, or is done.

    Attributes:
        driver: The driver path.
        action: ``on``, ``off``, ``cycle``, ``rescue`` or ``reset``.
        done: Whether the action is done; False when it begins.
        on: Whether power is on now; None if that is not known.
    """

    KIND: ClassVar[str] = "power"
    WEIGHTY: ClassVar[bool] = True

    driver: str
    action: str
    done: bool
    on: bool | None


@dataclass(frozen=True)
class LinkChanged(Event):
    """The connection to the exporter was made, lost, or made again.

    Attributes:
        change: ``connected``, ``lost`` or ``reconnected``.
        exporter: The exporter's name.
        lease: The lease's name; empty without one.
        labels: The exporter's labels.
        reason: Why it was lost.
    """

    KIND: ClassVar[str] = "link"
    WEIGHTY: ClassVar[bool] = True

    change: str
    exporter: str
    lease: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class LeaseChanged(Event):
    """A lease was acquired or extended, or has ended.

    Attributes:
        change: ``acquired``, ``extended``, ``expired``, ``released``, ``transferred`` or ``lost``.
        lease: The lease's name.
        exporter: Its exporter's name.
        time_left: Seconds that it lasts from now on; None if that is not known.
        reason: Why it has ended.
    """

    KIND: ClassVar[str] = "lease"
    WEIGHTY: ClassVar[bool] = True

    change: str
    lease: str
    exporter: str
    time_left: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class BoardStateChanged(Event):
    """What is known of a board's state has changed.

    Attributes:
        console: The board's console.
        before: The state that was known before.
        state: The state; ``unknown`` where something has invalidated it.
        reason: Why the state is unknown.
    """

    KIND: ClassVar[str] = "state"
    WEIGHTY: ClassVar[bool] = True

    console: str
    before: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class BoardStep(Event):
    """A step of a board from one state to another, or one that failed.

    Attributes:
        console: The board's console.
        before: The state in which it began.
        state: The state that it was to reach.
        arrived: The state that was reached; empty where the step failed.
        seconds: How long it took.
        reason: Why it failed.
    """

    KIND: ClassVar[str] = "step"
    WEIGHTY: ClassVar[bool] = True

    console: str
    before: str
    state: str
    arrived: str
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class BootPhaseReached(Event):
    """A boot has come to another phase, as a console tells.

    Attributes:
        console: The board's console.
        phase: ``firmware``, ``countdown``, ``kernel``, ``login`` or ``panic``.
        line: The line that tells it.
    """

    KIND: ClassVar[str] = "boot_phase"
    WEIGHTY: ClassVar[bool] = True

    console: str
    phase: str
    line: str


@dataclass(frozen=True)
class MarkSet(Event):
    """A mark on all open consoles, such as the start of a test.

    Attributes:
        name: The mark's name.
    """

    KIND: ClassVar[str] = "mark"

    name: str


Subscriber = Callable[[Event], None]

Listener = Callable[[str, bytes], None]
"""Gets the driver path of a byte stream, and bytes that it has brought."""

ReferenceListener = Callable[[str, "Path | None", int, int], None]
"""Gets the driver path of a byte stream, the file that has its bytes, the offset of new ones in it, and their number.
Without a file the offset is in all that the stream has brought."""


class Events:
    """The subscribers of one device."""

    def __init__(self) -> None:
        self._subscribers: tuple[tuple[Subscriber, tuple[type[Event], ...]], ...] = ()
        self._listeners: tuple[Listener, ...] = ()
        self._reference_listeners: tuple[ReferenceListener, ...] = ()
        self._closers: tuple[Callable[[], object], ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, subscriber: Subscriber, *kinds: type[Event]) -> None:
        """Call a function with every event of some kinds from now on. Default: of all kinds."""
        with self._lock:
            self._subscribers = (*self._subscribers, (subscriber, kinds or (Event,)))

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Call a function no more; one that was not called is fine."""
        with self._lock:
            self._subscribers = tuple(each for each in self._subscribers if each[0] != subscriber)

    def wanted(self, kind: type[Event]) -> bool:
        """Return whether there is a subscriber to a kind of event; without one, such events need not be made."""
        return any(issubclass(kind, kinds) for _, kinds in self._subscribers)

    def emit(self, event: Event) -> None:
        """Hand an event to the subscribers to its kind."""
        for subscriber, kinds in self._subscribers:
            if isinstance(event, kinds):
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

    def listen_references(self, listener: ReferenceListener) -> None:
        """Call a function with where the bytes of consoles are kept, as they come; see ``ReferenceListener``."""
        with self._lock:
            self._reference_listeners = (*self._reference_listeners, listener)

    def refer(self, driver: str, file: Path | None, offset: int, length: int) -> None:
        """Tell where bytes are kept that a driver's byte stream has brought; see ``ReferenceListener``."""
        for listener in self._reference_listeners:
            listener(driver, file, offset, length)

    def on_close(self, function: Callable[[], object]) -> None:
        """Call a function when no more events come."""
        with self._lock:
            self._closers = (*self._closers, function)

    def close(self) -> None:
        """Call what ``on_close`` was given, last first: the device is closed and its lease released."""
        with self._lock:
            closers, self._closers = self._closers, ()
        for function in reversed(closers):
            function()
