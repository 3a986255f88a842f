"""Record a console: one reader of its byte stream, and everything that is kept of what it reads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.consoles.boot_phases import BootPhases
from JumpstarterLibrary.client.consoles.failure_patterns import FailurePatternMonitor
from JumpstarterLibrary.client.consoles.history import TextHistory
from JumpstarterLibrary.client.consoles.kernel import KernelClock
from JumpstarterLibrary.client.consoles.secrets import Secrets
from JumpstarterLibrary.client.consoles.transcript import Transcript
from JumpstarterLibrary.client.consoles.typed_commands import TypedCommands
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.events import Notice
from JumpstarterLibrary.client.interrupts import interruptible, pause
from JumpstarterLibrary.client.outbox import Outbox
from JumpstarterLibrary.client.stream import FRAME, Frames
from JumpstarterLibrary.client.text import Normaliser
from JumpstarterLibrary.errors import InfrastructureError, LeaseError, LinkError
from JumpstarterLibrary.protocol.streams import driver_stream_request

if TYPE_CHECKING:
    from JumpstarterLibrary.client.drivers.base import DriverProxy

HISTORY = 8 * 1024 * 1024
"""Characters of a console that are kept in memory; the transcript on disk keeps all."""

PLACES = 8192
"""Frames of which is known where their bytes went in the text."""

RAW = 64 * 1024
"""Bytes that are kept as they came while a line is typed."""


class Recording:
    """The recording of a console, from now until ``close``.

    Args:
        driver: The driver whose byte stream is the console.
        name: The console's name.
        title: Returns its name as messages have it.
        transcript: File that gets every byte; None for none.

    Attributes:
        lock: Held by each thread that looks at the rest while the reader may write it.
        sentry: Looks for failing patterns.
        kernel: Knows the kernel's time.
        secrets: What may not be shown.
        commands: What was typed to run commands.
        transcript: The files.
        ended: Whether the stream is over.
        error: Why, if that was no ordinary end.
        last_byte: When the last byte came, in seconds of the monotonic clock; None if none ever did.
        heard: Bytes that came so far.
        sent: Bytes that were sent so far.
        raw: The last bytes as they came, for the echo of a line that is typed; None if none is.

    Raises:
        ConfigurationError: The transcript could not be opened.
        InfrastructureError: The stream could not be opened.
    """

    def __init__(self, driver: DriverProxy, name: str, title: Callable[[], str], transcript: Path | None) -> None:
        # Entering a plain lock cannot be interrupted half-way, entering a condition can.
        self.lock = threading.RLock()
        self.kernel = KernelClock()
        self.sentry = FailurePatternMonitor(lambda: driver._device.timing_of(driver).trace_silence, self.kernel.is_live)
        self.secrets = Secrets(lambda: driver._device.secrets())
        self.ended = False
        self.error: InfrastructureError | None = None
        self.last_byte: float | None = None
        self.heard = 0
        self.sent = 0
        self.raw: bytearray | None = None
        self._title = title
        self._driver = driver
        self._condition = threading.Condition(self.lock)
        self._history = TextHistory(HISTORY)
        self._places: deque[tuple[int, int]] = deque([(0, 0)], PLACES)
        self._normaliser = Normaliser()
        self._ended_at: float | None = None
        self._closed = False
        self.commands = TypedCommands()
        emit = driver._device.link.events.emit
        self.transcript = Transcript(
            transcript, name, self.secrets, lambda text: emit(Notice(text, "WARN", console=True))
        )
        self._boot_phases = BootPhases(name, driver._device.link.events, self.secrets.hidden)
        try:
            self._open()
        except BaseException:
            self.transcript.close()
            raise
        self._begin()

    def _open(self) -> None:
        """Open the byte stream."""
        outbox = Outbox()
        self._frames = Frames(
            self._driver._device.present,
            driver_stream_request(self._driver.uuid, "connect"),
            outbox,
            self._driver._operation("connect", "stream"),
            outbox.kill,
        )
        self._outbox = outbox

    def _begin(self) -> None:
        """Begin to read."""
        self._reader = threading.Thread(
            target=self._read, args=(self._frames,), name="jumpstarter-console", daemon=True
        )
        self._reader.start()

    def resume(self) -> bool:
        """Read on after the stream has ended, with a mark of the gap; return whether that was possible.

        Raises:
            InfrastructureError: The stream could not be opened again.
        """
        if self._closed:
            return False
        self._frames.cancel()
        self._reader.join(timeout=5)
        silent = clock.seconds() - (self._ended_at or clock.seconds())
        self._open()
        self.transcript.gap(silent)
        with self.lock:
            self._normaliser = Normaliser()
            self.sentry.restart()
            self.ended, self.error = False, None
            self._history.append(f"\n[gap {silent:.1f} s]\n")
            self._places.append((self._history.end, self.heard))
            self._condition.notify_all()
        self._begin()
        return True

    def close(self) -> None:
        """End the stream and the transcript. Closing twice is fine."""
        if not self._closed:
            self._frames.flush(self._outbox)
        self._closed = True
        self._frames.cancel()
        self._outbox.kill()
        self._reader.join(timeout=5)
        self.transcript.close()

    # What was heard

    @property
    def start(self) -> int:
        """The offset of the first character that is still kept."""
        with self.lock:
            return self._history.start

    @property
    def end(self) -> int:
        """The offset behind the last character."""
        with self.lock:
            return self._history.end

    def read(self, offset: int) -> tuple[int, str]:
        """Return the text from an offset on, and where that text begins: the start of the text may be forgotten."""
        with self.lock:
            return max(offset, self._history.start), self._history.since(offset)

    def bytes_since(self, offset: int) -> int:
        """Return how many bytes came behind a place in the text; of long ago, roughly."""
        with self.lock:
            base, text = max(offset, self._history.start), self._history.since(offset)
            if base < self._places[0][0]:
                known, count = self._places[0]
                return len(text[: known - base].encode(errors="replace")) + self.heard - count
            known, count = next(place for place in reversed(self._places) if place[0] <= base)
            return self.heard - count - len(self._history.since(known)[: base - known].encode(errors="replace"))

    def begin_raw(self) -> None:
        """Keep the bytes as they come from now on, and of an escape sequence that has begun, its begin."""
        self.raw = bytearray(self._normaliser.pending.encode())

    def folded(self, begin: int, end: int | None = None) -> str:
        """Return the text between two offsets as messages show it: without secrets, and with the commands that ran."""
        base, text = self.read(begin)
        return self.commands.folded(text if end is None else text[: end - base], base, self.secrets.hidden)

    def shown(self, offset: int) -> str:
        """Return the text from an offset on without secrets."""
        base, text = self.read(offset)
        return self.secrets.hidden(text, base)

    def wait(self, seen: int, limit_s: float) -> None:
        """Wait until there is more than up to an offset, or the stream is over; but not longer than some seconds."""
        with interruptible, self.lock:
            if self._history.end == seen and not self.ended:
                clock.wait(self._condition, limit_s)

    def end_error(self, waiting: str = "") -> InfrastructureError:
        """Return the error for what cannot be done because the stream is over."""
        while_waiting = f" while waiting for {waiting}" if waiting else ""
        if self._closed:
            return LinkError(f"Console {self._title()} was closed{while_waiting}.")
        if isinstance(self.error, LeaseError):
            facts = f"{self.error.facts} Console {self._title()} ended{while_waiting}."
            return self.error.reworded(type(self.error), facts)
        if self.error is not None:
            facts = f"The stream of console {self._title()} broke{while_waiting}: {self.error.facts}"
            return self.error.reworded(LinkError, facts)
        return LinkError(f"The exporter ended the stream of console {self._title()}{while_waiting}.")

    # What is said

    def send(self, data: bytes, deadline: Deadline, *, secret: bool, delay: float) -> None:
        """Send bytes; see ``Console.write``."""
        if self.ended:
            raise self.end_error()
        if secret:
            self.secrets.typed(data.decode(errors="replace").rstrip("\r\n"), self.end, self.transcript.position)
        self.transcript.sent(data, secret=secret)
        with self.lock:
            self.sentry.sent(data.decode(errors="replace"))
        size = 1 if delay else FRAME
        for start in range(0, len(data), size):
            if start and delay:
                pause(delay)
            piece = data[start : start + size]
            self._outbox.put(piece, deadline)
            self.sent += len(piece)

    def _read(self, frames: Frames) -> None:
        try:
            for data in frames:
                text = self._normaliser.feed(data)
                offset = self.transcript.offset
                self.transcript.received(data, text)
                self._driver._device.link.events.refer(self._driver.path, self.transcript.path, offset, len(data))
                now = clock.seconds()
                with self.lock:
                    self._history.append(text)
                    self.heard += len(data)
                    if self.raw is not None:
                        self.raw += data
                        del self.raw[:-RAW]
                    self._places.append((self._history.end, self.heard))
                    self.sentry.hear(text, self._history.end, now)
                    self.kernel.heard(text, now)
                    self.last_byte = now
                    self._condition.notify_all()
                self._boot_phases.feed(text)
        except InfrastructureError as error:
            if frames is self._frames:
                self.error = error
        finally:
            with self.lock:
                if frames is self._frames:  # and not a stream that was given up, whose end comes late
                    self.ended, self._ended_at = True, clock.seconds()
                    self._condition.notify_all()
