"""Write the event log of a device: one line of JSON for each event, readable also after the process was killed.

The first line is ``opened``, with the schema's version, and the last one ``closed``, unless the process ended hard.
``docs/event-log.md`` describes the lines. Bytes of consoles are not copied: a line tells in which file they are.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from io import FileIO
from pathlib import Path
from typing import Any

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.call_record import mask_urls
from JumpstarterLibrary.client.consoles.secrets import mask
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.events import CallBegun, Event, Events, LeaseChanged, LinkChanged, Notice
from JumpstarterLibrary.common.system_errors import remedy
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.version import __version__

logger = logging.getLogger(__name__)

SCHEMA = "jumpstarter.event-log/1"
"""The version of the lines. Fields may be added to it; a reader of another version's lines has to know that one."""

FILE_NAME = "events.jsonl"

LIMIT = 10_000
"""Events that wait to be written; while there are so many, further ones are dropped and counted."""

GATHER_S = 1.0
"""Seconds for which events without weight are gathered before they are written."""

STRETCH_S = 5.0
"""Seconds for which bytes of streams are gathered to one line, as long as there is no other event."""

HASTE_S = 0.02
"""Seconds for which events are gathered after one of weight, so that a quick loop of calls does not write each time."""

PIECE_S = 0.05
"""Seconds within which bytes of a stream are one piece of its line."""

CLOSE_S = 5.0
"""How long closing may take; a disk that hangs keeps the rest."""

ARGUMENT_LIMIT = 100
"""Characters of an argument of a driver call that are written."""
TEXT_LIMIT = 8192
"""Characters of a text that are written; an exporter may log lines of megabytes."""

_OF_EVERY_LINE = ("time", "monotonic", "exporter", "lease")
"""Fields of events that every line has."""

Identity = tuple[str, str]
"""The exporter and the lease of a device."""


@dataclasses.dataclass(eq=False)
class _Stretch:
    """Bytes that a stream brings while its line waits to be written.

    Attributes:
        pieces: Milliseconds since the first byte, and bytes, of what came in pieces.
    """

    driver: str
    file: Path | None
    offset: int
    begin: float
    length: int = 0
    pieces: list[list[int]] = dataclasses.field(default_factory=list)

    def add(self, length: int, now: float) -> None:
        after = int((now - self.begin) * 1000)
        if self.pieces and after - self.pieces[-1][0] < PIECE_S * 1000:
            self.pieces[-1][1] += length
        else:
            self.pieces.append([after, length])
        self.length += length

    def continues(self, file: Path | None, offset: int) -> bool:
        """Whether bytes at an offset of a file follow on those that are known."""
        return file == self.file and offset == self.offset + self.length


@dataclasses.dataclass(eq=False)
class _Line:
    """A line that waits to be written."""

    number: int
    identity: Identity
    time: float
    monotonic: float
    content: Event | _Stretch | dict[str, object]


class EventLog:
    """The event log of one device. All methods may be called from any thread, and ``put`` never waits for the disk.

    Args:
        path: The file. Its folder is made.
        device: The device's name.
        events: The events that are written, until ``close``; they are also told if the file cannot be written on.
        secrets: Returns texts that are masked wherever they stand.

    Raises:
        ConfigurationError: The file cannot be written.
    """

    def __init__(
        self, path: Path, device: str, events: Events, secrets: Callable[[], Iterable[str]] = lambda: ()
    ) -> None:
        self.path = path
        self._device, self._events, self._secrets = device, events, secrets
        self._identity: Identity = ("", "")
        self._queue: deque[_Line] = deque()
        self._stretches: dict[str, _Stretch] = {}
        self._number = self._written = 0
        self._dropped = self._dropped_in_all = 0
        self._eventful = self._urgent = self._hurried = self._closing = False
        # Entering a plain lock cannot be interrupted half-way, entering a condition can.
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(path, "w")
        except OSError as error:
            raise ConfigurationError(
                f"The event log '{path}' cannot be written: {error.strerror}. {remedy(error)}"
            ) from error
        opened = {"event": "opened", "schema": SCHEMA, "library": __version__, "process": os.getpid()}
        self._add(opened, _now(), urgent=True)
        self._thread = threading.Thread(target=self._run, name="jumpstarter-event-log", daemon=True)
        self._thread.start()
        events.subscribe(self.put)
        events.listen_references(self.refer)
        events.on_close(self.close)

    def put(self, event: Event) -> None:
        """Write an event in a moment: at once if it has weight."""
        if isinstance(event, LinkChanged | LeaseChanged):
            self._identity = (event.exporter or self._identity[0], event.lease or self._identity[1])
        self._add(event, (event.time, event.monotonic), urgent=event.weighty)

    def refer(self, driver: str, file: Path | None, offset: int, length: int) -> None:
        """Record where bytes are that a byte stream has brought; see ``Events.refer``."""
        moment = _now()
        with self._lock:
            stretch = self._stretches.get(driver)
            if stretch is None or not stretch.continues(file, offset):
                stretch = _Stretch(driver, file, offset, moment[1])
                if not self._append(stretch, moment):
                    return
                self._stretches[driver] = stretch
            stretch.add(length, moment[1])

    def flush(self, limit_s: float = CLOSE_S) -> bool:
        """Wait until everything is written that was put before; return whether it was."""
        with self._lock:
            number, end = self._number, Deadline(limit_s)
            self._hurried = True
            self._condition.notify_all()
            while self._written < number and not self._file.closed and not end.expired:
                clock.wait(self._condition, end.remaining)
            return self._written >= number

    def close(self) -> None:
        """Write what waits, and end the log. Closing twice is fine."""
        with self._lock:
            if self._closing:
                return
            self._closing = self._hurried = True
            self._condition.notify_all()
        self._events.unsubscribe(self.put)
        self._thread.join(CLOSE_S)

    # What waits

    def _add(self, content: Event | dict[str, object], moment: tuple[float, float], *, urgent: bool) -> None:
        with self._lock:
            if self._append(content, moment) and urgent and not self._urgent:
                self._urgent = True
                self._condition.notify_all()

    def _append(self, content: Event | _Stretch | dict[str, object], moment: tuple[float, float]) -> bool:
        """Append a line to what waits, unless it is too much; return whether it was appended."""
        if self._closing:
            return False
        self._number += 1
        if len(self._queue) >= LIMIT:
            self._dropped += 1
            self._dropped_in_all += 1
            return False
        self._queue.append(_Line(self._number, self._identity, *moment, content))
        first_event = not self._eventful and not isinstance(content, _Stretch)
        self._eventful = self._eventful or first_event
        if first_event or len(self._queue) == 1:
            self._condition.notify_all()
        return True

    # The writing thread

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._queue and not self._hurried:
                    self._condition.wait()
                self._gather(STRETCH_S, lambda: self._eventful or self._urgent)
                self._gather(GATHER_S, lambda: self._urgent)
                self._gather(HASTE_S)
                self._eventful = False
                lines, self._queue, self._stretches = list(self._queue), deque(), {}
                dropped, self._dropped = self._dropped, 0
                closing, self._urgent, self._hurried = self._closing, False, False
                if dropped:
                    lines.append(self._own({"event": "dropped", "count": dropped}))
                if closing:
                    lines.append(self._own({"event": "closed", "dropped": self._dropped_in_all}))
                number = self._number
            if not self._write(lines):
                return
            with self._lock:
                self._written = number
                self._condition.notify_all()
            if closing:
                self._file.close()
                return

    def _gather(self, limit_s: float, over: Callable[[], bool] = lambda: False) -> None:
        """Let further lines come, for some seconds at most, until there is reason to write or a caller waits."""
        end = Deadline(limit_s)
        while not (self._hurried or over() or end.expired):
            clock.wait(self._condition, end.remaining)

    def _own(self, content: dict[str, object]) -> _Line:
        """Return a line about the log itself."""
        self._number += 1
        return _Line(self._number, self._identity, *_now(), content)

    def _write(self, lines: list[_Line]) -> bool:
        """Write lines; return whether that was possible."""
        try:
            secrets = list(dict.fromkeys(self._secrets()))
            data = memoryview(b"".join(self._encoded(line, secrets) for line in lines))
            while data:
                data = data[self._file.write(data) or 0 :]
        except OSError as error:
            self._give_up(error)
            return False
        return True

    def _give_up(self, error: OSError) -> None:
        with self._lock:
            self._closing = True
            self._queue.clear()
            self._file.close()
            self._condition.notify_all()
        self._events.unsubscribe(self.put)
        text = f"The event log '{self.path}' ends here: {error.strerror or error}. {remedy(error)}"
        self._events.emit(Notice(text, "WARN", console=True))

    def _encoded(self, line: _Line, secrets: list[str]) -> bytes:
        try:
            return self._encode(line, secrets)
        except (ValueError, TypeError, RecursionError) as error:
            # An argument that JSON cannot have, such as a number of thousands of digits.
            logger.debug("a line of the event log cannot be written: %s", error)
            return self._encode(dataclasses.replace(line, content={"event": "dropped", "count": 1}), secrets)

    def _encode(self, line: _Line, secrets: list[str]) -> bytes:
        exporter, lease = line.identity
        entry: dict[str, object] = {
            "seq": line.number,
            "time": round(line.time, 6),
            "mono": round(line.monotonic, 6),
            "device": self._device,
            "exporter": exporter,
            "lease": lease,
        }
        match line.content:
            case _Stretch(driver=driver, file=file, offset=offset, length=length, pieces=pieces):
                entry |= {"event": "console", "driver": driver, "file": self._relative(file)}
                entry |= {"offset": offset, "length": length, "pieces": pieces}
            case Event() as event:
                entry["event"] = event.KIND
                names = (field.name for field in dataclasses.fields(event) if field.name not in _OF_EVERY_LINE)
                limit = ARGUMENT_LIMIT if isinstance(event, CallBegun) else TEXT_LIMIT
                entry |= {name: _plain(getattr(event, name), secrets, limit) for name in names}
            case dict() as own:
                entry |= own
        return (
            json.dumps(entry, ensure_ascii=False, separators=(",", ":"), default=str).encode(errors="replace") + b"\n"
        )

    def _relative(self, file: Path | None) -> str | None:
        """Return a file's place as seen from the log, so that both can be moved together."""
        return None if file is None else Path(os.path.relpath(file, self.path.parent)).as_posix()


def _now() -> tuple[float, float]:
    event = Event()
    return event.time, event.monotonic


def _plain(value: Any, secrets: list[str], limit: int) -> object:
    """Return a value as JSON has it, without secrets and with long texts cut."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return round(value, 9) if math.isfinite(value) else str(value)
        case Enum():
            return value.name
        case str():
            value = mask_urls(mask(value, secrets))
            return value if len(value) <= limit else f"{value[:limit]}... ({len(value)} characters)"
        case Mapping():
            return {str(_plain(key, secrets, limit)): _plain(item, secrets, limit) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, secrets, limit) for item in value]
    return _plain(str(value), secrets, limit)


def read_event_log(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of an event log. A last line that was cut, because the process was killed, is left out.

    Raises:
        ConfigurationError: The file is no event log, or has a schema that this version does not know.
    """
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            if not text.endswith("\n"):
                return
            try:
                entry = json.loads(text)
                known = number > 1 or entry.get("schema") == SCHEMA
            except (ValueError, AttributeError):
                raise ConfigurationError(f"Line {number} of '{path}' is no line of an event log.") from None
            if not known:
                raise ConfigurationError(
                    f"'{path}' has the schema '{entry.get('schema')}', and this version reads '{SCHEMA}'. Read it with "
                    f"the version of the library that wrote it."
                )
            yield entry
