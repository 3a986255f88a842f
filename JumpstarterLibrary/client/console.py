"""A console: one reader per serial port, a history that reading never destroys, and waits that leave evidence."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from JumpstarterLibrary.client.deadline import Deadline, Seconds, spoken
from JumpstarterLibrary.client.outbox import Outbox
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.client.stream import FRAME, Frames
from JumpstarterLibrary.client.text import Normaliser, TextHistory
from JumpstarterLibrary.errors import (
    ConfigurationError,
    ConsoleMismatch,
    InfrastructureError,
    LeaseError,
    LinkError,
    UsageError,
)
from JumpstarterLibrary.protocol.streams import driver_stream_request
from JumpstarterLibrary.types import ConsoleMatch

if TYPE_CHECKING:
    from JumpstarterLibrary.client.drivers.base import DriverProxy

logger = logging.getLogger(__name__)

HISTORY = 8 * 1024 * 1024
"""Characters of a console that are kept in memory; the transcript on disk keeps all."""

SEND_S = 30.0
SETTLE_S = 0.05
SETTLE_LIMIT_S = 1.0
"""How long a match of a regular expression at the very end of the output may go on growing."""
TAIL_LINES = 20
TAIL = 16 * 1024


class Console:
    """The console of a device, from now until ``close``.

    A daemon thread reads the byte stream into a history. Waits look at the history from a cursor on; a match moves the
    cursor behind it, and nothing is ever removed by reading.

    Args:
        driver: The driver whose byte stream is the console.
        transcript: File that gets every byte as it comes. Default: none.
        tick: Called about five times a second, in the waiting thread, while a wait goes on. Default: nothing.

    Attributes:
        cursor: Where the next search begins: an offset in characters since the console was opened.
        powered: Whether power was switched since the console was opened.
        marks: Named offsets: ``connect``, ``power_on`` (the last power action), and the caller's own.

    Raises:
        ConfigurationError: The transcript could not be opened.
        InfrastructureError: The stream could not be opened.
    """

    def __init__(
        self, driver: DriverProxy, transcript: Path | None = None, tick: Callable[[], None] = lambda: None
    ) -> None:
        self.name = driver.path or "console"
        self.cursor = 0
        self.powered = False
        self.marks: dict[str, int] = {"connect": 0, "power_on": 0}
        self._tick = tick
        self._history = TextHistory(HISTORY)
        self._normaliser = Normaliser()
        self._condition = threading.Condition()
        self._ended_at: float | None = None
        self._last_byte: float | None = None
        self._ended = False
        self._closed = False
        self._error: InfrastructureError | None = None
        self.driver = driver
        self._path = transcript
        self._open()

    def _open(self) -> None:
        """Open the byte stream and the transcript, and begin to read."""
        self._transcript = _open_transcript(self._path)
        outbox = Outbox()
        try:
            self._frames = Frames(
                self.driver._device.present,
                driver_stream_request(self.driver.uuid, "connect"),
                outbox,
                self.driver._operation("connect", "stream"),
                outbox.kill,
            )
        except BaseException:
            if self._transcript is not None:
                self._transcript.close()
            raise
        self._outbox = outbox
        self._reader = threading.Thread(target=self._read, name="jumpstarter-console", daemon=True)
        self._reader.start()

    def resume(self) -> None:
        """Read on after the stream has ended, with a mark of the gap in history and transcript.

        Raises:
            InfrastructureError: The stream could not be opened again.
        """
        if self._closed:
            return
        self._frames.cancel()
        self._reader.join(timeout=5)
        silent = time.monotonic() - (self._ended_at or time.monotonic())
        self._open()
        gap = f"\n[gap {silent:.1f} s]\n"
        self._keep(gap.encode())
        with self._condition:
            self._ended, self._error = False, None
            self._history.append(gap)
            self._condition.notify_all()

    # Reading

    def wait_for(self, pattern: Pattern | str, timeout: Seconds, *, since: int | None = None) -> ConsoleMatch:
        """Wait until the console has said something, and move the cursor behind it.

        Args:
            pattern: What to look for.
            timeout: Seconds or timedelta to wait; 0 looks only at what is there.
            since: Offset to search from. Default: the cursor.

        Raises:
            ConsoleMismatch: It did not come in time; the message has the evidence.
            InfrastructureError: The stream ended before it came.
        """
        _, match = self.wait_for_any([pattern], timeout, since=since)
        return match

    def wait_for_any(
        self, patterns: list[Pattern | str], timeout: Seconds, *, since: int | None = None
    ) -> tuple[int, ConsoleMatch]:
        """Wait for the first of several patterns; return its index and the match. Otherwise like ``wait_for``."""
        wanted = [pattern if isinstance(pattern, Pattern) else Pattern(pattern) for pattern in patterns]
        deadline, begin = Deadline.of(timeout), time.monotonic()
        start = self.cursor if since is None else since
        searched = [start] * len(wanted)
        patience: Deadline | None = None
        with self._condition:
            while True:
                hit = self._search(wanted, searched, begin, start)
                if hit is not None:
                    patience = patience or Deadline(deadline.at_most(SETTLE_LIMIT_S))
                    if self._settled(wanted[hit[0]], hit[1], patience):
                        self.cursor = hit[1].end
                        return hit
                    searched = [start] * len(wanted)  # there is more now, and the match may be longer
                    continue
                if self._ended:
                    raise self._ended_error(wanted)
                if deadline.expired:
                    raise self._mismatch(wanted, start, deadline)
                self._pause(deadline)

    def must_not_say(self, pattern: Pattern | str, within: Seconds, *, since: int | None = None) -> None:
        """Check that the console has not said something and does not say it for a while. The cursor stays.

        Args:
            pattern: What must not be there.
            within: Seconds or timedelta to watch on from now; 0 looks only at what is there.
            since: Offset to search from. Default: the cursor.

        Raises:
            ConsoleMismatch: It was said.
            UsageError: The console has said more since then than its history keeps.
            InfrastructureError: The stream ended meanwhile.
        """
        wanted = pattern if isinstance(pattern, Pattern) else Pattern(pattern)
        deadline, begin = Deadline.of(within), time.monotonic()
        start = self.cursor if since is None else since
        searched = [start]
        with self._condition:
            if start < self._history.start:
                raise UsageError(
                    f"Console '{self.name}' has said so much since then that its first {self._history.start - start} "
                    f"characters are only in the transcript. Look from later on, or look more often."
                )
            while True:
                hit = self._search([wanted], searched, begin, start)
                if hit is not None:
                    line = self._line_of(hit[1].start)
                    raise ConsoleMismatch(
                        f"Console '{self.name}' said '{hit[1].text}', which it should not. The line was: '{line}'."
                    )
                # What a broken stream did not bring may well have been said.
                if self._ended and (self._error is not None or not deadline.expired):
                    raise self._ended_error([wanted])
                if deadline.expired:
                    return
                self._pause(deadline)

    def text(self, since: int | None = None) -> str:
        """Return the normalised text from an offset on. Default: from the cursor. The cursor stays."""
        with self._condition:
            return self._history.since(self.cursor if since is None else since)

    def wait_for_output(self, timeout: Seconds) -> bool:
        """Wait until the console says anything; return whether it did.

        Raises:
            InfrastructureError: The stream has ended.
        """
        deadline = Deadline.of(timeout)
        with self._condition:
            before = self._history.end
            while self._history.end == before:
                if self._ended:
                    raise self._ended_error([])
                if deadline.expired:
                    return False
                self._pause(deadline)
            return True

    @property
    def start(self) -> int:
        """The offset of the first character that is still kept."""
        with self._condition:
            return self._history.start

    @property
    def end(self) -> int:
        """The offset behind the last character."""
        with self._condition:
            return self._history.end

    def mark(self, name: str) -> int:
        """Remember the present end of the history under a name and return the offset."""
        self.marks[name] = self.end
        return self.marks[name]

    def power_changes(self) -> None:
        """Begin a new chapter: what was said before a power action is no answer to what is waited for after it."""
        self.powered = True
        self.cursor = self.mark("power_on")

    # Writing

    def write(self, data: bytes, timeout: Seconds = SEND_S) -> None:
        """Send bytes to the console.

        Raises:
            OperationTimeout: The far side took nothing in time (default: 30 seconds).
            InfrastructureError: The stream has ended.
        """
        if self._ended:
            raise self._ended_error([])
        deadline = Deadline.of(timeout)
        for start in range(0, len(data), FRAME):
            self._outbox.put(data[start : start + FRAME], deadline)

    def close(self) -> None:
        """End the stream and the transcript. Closing twice is fine."""
        if not self._closed:
            self._frames.flush(self._outbox)
        self._closed = True
        self._frames.cancel()
        self._outbox.kill()
        self._reader.join(timeout=5)

    # Inside

    def _read(self) -> None:
        try:
            for data in self._frames:
                self._keep(data)
                text = self._normaliser.feed(data)
                with self._condition:
                    self._history.append(text)
                    self._last_byte = time.monotonic()
                    self._condition.notify_all()
        except InfrastructureError as error:
            self._error = error
        finally:
            with self._condition:
                self._ended, self._ended_at = True, time.monotonic()
                self._condition.notify_all()
            if self._transcript is not None:
                self._transcript.close()

    def _keep(self, data: bytes) -> None:
        """Write to the transcript, as long as that can be written."""
        if self._transcript is None:
            return
        try:
            self._transcript.write(data)
        except OSError as error:
            logger.warning("The transcript of console '%s' ends here: %s", self.name, error.strerror or error)
            self._transcript.close()
            self._transcript = None

    def _search(
        self, wanted: list[Pattern], searched: list[int], begin: float, start: int
    ) -> tuple[int, ConsoleMatch] | None:
        """Search what is new; of several patterns the one whose match begins first wins."""
        best: tuple[int, ConsoleMatch] | None = None
        for index, pattern in enumerate(wanted):
            base = max(self._history.start, start, searched[index] - pattern.overlap)
            # Where the overlap begins is no beginning of a line; where the search began may well be meant as one.
            context = 1 if base > max(self._history.start, start) else 0
            base -= context
            found = pattern.search(self._history.since(base), context)
            searched[index] = self._history.end
            if found and (best is None or base + found.start < best[1].start):
                before = self._history.since(start)[: base + found.start - max(start, self._history.start)]
                at, end = base + found.start, base + found.end
                best = index, ConsoleMatch(found.text, before, found.groups, at, end, time.monotonic() - begin)
        return best

    def _settled(self, pattern: Pattern, match: ConsoleMatch, patience: Deadline) -> bool:
        """Whether a match is final. One of a regular expression that ends where the output ends may still grow."""
        if pattern.literal or match.end < self._history.end or self._ended or patience.expired:
            return True
        self._condition.wait(patience.at_most(SETTLE_S))
        return self._history.end == match.end

    def _pause(self, deadline: Deadline) -> None:
        """Wait for more output, waking up now and then so that an interruption and the caller's tick get their turn."""
        self._condition.wait(deadline.at_most(0.2))
        self._condition.release()
        try:
            self._tick()
        finally:
            self._condition.acquire()

    def _line_of(self, offset: int) -> str:
        text = self._history.since(0)
        at = offset - self._history.start
        return text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0].strip()

    def _ended_error(self, wanted: list[Pattern]) -> InfrastructureError:
        waiting = f" while waiting for {_alternatives(wanted)}" if wanted else ""
        if self._closed:
            return LinkError(f"Console '{self.name}' was closed{waiting}.")
        if isinstance(self._error, LeaseError):
            return type(self._error)(f"{self._error} Console '{self.name}' ended{waiting}.")
        if self._error is not None:
            return LinkError(f"The stream of console '{self.name}' broke{waiting}: {self._error}")
        return LinkError(f"The exporter ended the stream of console '{self.name}'{waiting}.")

    def _mismatch(self, wanted: list[Pattern], start: int, deadline: Deadline) -> ConsoleMismatch:
        asked = f"No match for {_alternatives(wanted)} on console '{self.name}' in {spoken(deadline.timeout or 0)}."
        text = self._history.since(start)
        if self._last_byte is None:
            return ConsoleMismatch(f"{asked} The console was silent since it was opened.")
        silence = spoken(round(time.monotonic() - self._last_byte, 1))
        if not text.strip():
            return ConsoleMismatch(f"{asked} The console was silent; its last byte came {silence} ago.")
        parts = [f"{asked} {len(text)} characters were read, the last {silence} ago."]
        near = next(filter(None, (pattern.nearest(text) for pattern in wanted)), None)
        if near is not None:
            parts.append(f"The nearest line was: '{near}'.")
        lines = self._history.since(self._history.end - TAIL).rstrip("\n").split("\n")
        tail = "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])
        parts.append(f"The last lines were:\n{tail}")
        return ConsoleMismatch(" ".join(parts))


def _open_transcript(path: Path | None) -> FileIO | None:
    """Open a transcript, unbuffered, so that nothing is missing when a test ends hard."""
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab", buffering=0)
    except OSError as error:
        raise ConfigurationError(
            f"The transcript '{path}' cannot be written: {error.strerror}. Choose another output directory."
        ) from error


def _alternatives(wanted: list[Pattern]) -> str:
    return " or ".join(f"'{pattern}'" for pattern in wanted)
