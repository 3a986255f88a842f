"""Format the events of a device for people, and hand them to the log and the screen of a face."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from JumpstarterLibrary.client.consoles.secrets import mask
from JumpstarterLibrary.client.events import Event, LogRecord, Notice, Progress, TransferEnded
from JumpstarterLibrary.hints import PYTHON, Phrases
from JumpstarterLibrary.printable import printable

WARN = "WARN"

LEVELS: Mapping[str, int] = MappingProxyType({"DEBUG": logging.DEBUG, "INFO": logging.INFO, WARN: logging.WARNING})
"""The levels of notices, as Python's logging has them."""

TOLD: tuple[type[Event], ...] = (LogRecord, Notice, Progress, TransferEnded)
"""The kinds of events that ``format_event`` has a line for."""


@dataclass(frozen=True)
class EventLine:
    """An event as people read it.

    Attributes:
        level: ``DEBUG``, ``INFO`` or ``WARN``.
        text: The sentence.
        urgent: Whether a person who waits at a screen should see it at once, too.
    """

    level: str
    text: str
    urgent: bool = False


def format_event(event: Event, phrases: Phrases = PYTHON, device: str = "") -> EventLine | None:
    """Return the line for an event; None for a kind that only the event log has.

    Args:
        event: The event.
        phrases: How a face says hints. Default: the Python API's phrases.
        device: The name of the device, where lines of its exporter's log are to tell it.
    """
    match event:
        case Notice():
            return EventLine(event.level, event.phrased(phrases), event.console)
        case LogRecord():
            level = "DEBUG" if event.severity == "DEBUG" else "INFO"
            of = f" of '{device}'" if device else ""
            return EventLine(level, f"exporter log{of}: {event.source} {event.severity}: {event.message}")
        case Progress():
            return EventLine("INFO", str(event))
        case TransferEnded():
            return EventLine("DEBUG", str(event))
    return None


def format_log_record(record: LogRecord) -> str:
    """Return a record of the exporter's log for a list of them: with its time of day, further lines indented.

    None of its lines looks like another record.
    """
    moment = time.strftime("%H:%M:%S", time.localtime(record.time))
    message = record.message.rstrip().replace("\n", "\n    ")
    return f"{moment} {record.severity:<7} {message}"


class EventSink:
    """Write events to the log of a face, and show urgent ones where a person waits.

    Args:
        log: Writes a line of a level to the log.
        show: Shows a line to the person.
        phrases: How the face says hints. Default: the Python API's phrases.
        shows_warnings: Whether the log itself shows warnings to the person. Default: no.
        secrets: Returns texts that no line may show. Default: none.
    """

    def __init__(
        self,
        log: Callable[[str, str], object],
        show: Callable[[str], object],
        phrases: Phrases = PYTHON,
        *,
        shows_warnings: bool = False,
        secrets: Callable[[], Iterable[str]] = lambda: (),
    ) -> None:
        self._log, self._show, self._phrases, self._shows_warnings = log, show, phrases, shows_warnings
        self._secrets = secrets

    def put(self, event: Event, device: str = "") -> None:
        """Write an event; see ``format_event``."""
        line = format_event(event, self._phrases, device)
        if line is None:
            return
        text = mask(printable(line.text), self._secrets())
        self._log(line.level, text)
        if line.urgent and not (self._shows_warnings and line.level == WARN):
            self._show(text)
