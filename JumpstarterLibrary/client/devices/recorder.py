"""Record a device's output while tests run, within bounds, with places by which each test finds its own part."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.devices.notices import format_log_record
from JumpstarterLibrary.client.events import Event, LogRecord, TransferEnded
from JumpstarterLibrary.client.text import Normaliser

CONSOLE_BYTES = 256 * 1024
"""Bytes of each byte stream that are kept."""

LOG_LINES = 10_000
UPLOADS = 1000
"""Lines of the log and uploads that are kept."""

QUIET_S = 0.1
SETTLE_S = 1.0
"""How long the log is waited for that belongs to what has just happened: until it is quiet, or the second is over."""

_HOOKS = ("BEFORE_LEASE_HOOK", "AFTER_LEASE_HOOK")


@dataclass(frozen=True)
class RecorderMark:
    """A moment in what a device says.

    Attributes:
        streams: How many bytes each byte stream had brought, by driver path.
        events: How many lines and uploads there were.
    """

    streams: dict[str, int] = field(default_factory=dict)
    events: int = 0


BEGIN = RecorderMark()
"""Before anything was said."""


class Recorder:
    """Keeps what a device says, from any thread."""

    def __init__(self) -> None:
        self._streams: dict[str, _Tail] = {}
        self._lines: deque[tuple[int, LogRecord]] = deque(maxlen=LOG_LINES)
        self._uploads: deque[tuple[int, TransferEnded]] = deque(maxlen=UPLOADS)
        self._count = 0
        self._last = 0.0
        self._changed = threading.Condition()

    def put(self, event: Event) -> None:
        """Keep an event, if it is a line of the exporter's log or an upload."""
        with self._changed:
            if isinstance(event, LogRecord):
                self._lines.append((self._count, event))
            elif isinstance(event, TransferEnded) and event.direction == "upload":
                self._uploads.append((self._count, event))
            else:
                return
            self._count += 1
            self._last = clock.seconds()
            self._changed.notify_all()

    def hear(self, driver: str, data: bytes) -> None:
        """Keep what a byte stream has brought."""
        with self._changed:
            self._streams.setdefault(driver, _Tail()).append(data)

    def place(self) -> RecorderMark:
        """Return where everything is now."""
        with self._changed:
            return RecorderMark({driver: tail.end for driver, tail in self._streams.items()}, self._count)

    def settle(self) -> None:
        """Wait until the log is quiet, for a second at most: its lines come a moment after what they are about."""
        end = clock.seconds() + SETTLE_S
        with self._changed:
            begin = clock.seconds()
            while (now := clock.seconds()) < end and (left := max(self._last, begin) + QUIET_S - now) > 0:
                clock.wait(self._changed, min(left, end - now))

    def consoles(self, since: RecorderMark) -> dict[str, str]:
        """Return the text of each console since a place, by driver path. What is no text is no console."""
        with self._changed:
            heard = {driver: tail.since(since.streams.get(driver, 0)) for driver, tail in self._streams.items()}
        texts = {driver: Normaliser().feed(data) for driver, data in heard.items() if _is_text(data)}
        return {driver: text for driver, text in texts.items() if text.strip()}

    def log(self, since: RecorderMark, *, hooks: bool) -> list[str]:
        """Return the lines of the exporter's log since a place: those of hooks, or the others."""
        with self._changed:
            records = [record for number, record in self._lines if number >= since.events]
        return [format_log_record(record) for record in records if (record.source in _HOOKS) is hooks]

    def uploads(self, since: RecorderMark) -> list[TransferEnded]:
        """Return what was uploaded since a place."""
        with self._changed:
            return [upload for number, upload in self._uploads if number >= since.events]


class _Tail:
    """The last bytes of a stream, and how many there were in all."""

    def __init__(self) -> None:
        self.end = 0
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def append(self, data: bytes) -> None:
        self.end += len(data)
        data = data[-CONSOLE_BYTES:]
        self._pieces.append(data)
        self._size += len(data)
        while self._size - len(self._pieces[0]) >= CONSOLE_BYTES:
            self._size -= len(self._pieces.popleft())

    def since(self, offset: int) -> bytes:
        wanted = min(self.end - offset, CONSOLE_BYTES, self._size)
        return b"".join(self._pieces)[-wanted:] if wanted > 0 else b""


def _is_text(data: bytes) -> bool:
    """Whether some bytes are what a person could read: other byte streams than consoles may carry anything."""
    strange = sum(byte < 32 and byte not in b"\a\b\t\n\r\f\x1b\0" for byte in data[-4096:])
    return strange * 20 <= len(data[-4096:])
