"""A console's transcript: one file with every byte that came, and one with timed lines in both directions.

The first is what the device sent and nothing else. The second is to be read: each line has its time, and begins with
``<`` for what came, ``+`` for the rest of a line that something else has cut in two, ``>`` for what was typed, and
``=`` for what happened.

    2026-11-21 09:00:01.204 < board login:
    2026-11-21 09:00:01.311 > root\\n
    2026-11-21 09:00:01.315 + root
    2026-11-21 09:00:05.620 = gap of 4.2 seconds: what was said meanwhile is lost
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from JumpstarterLibrary.client.consoles.secrets import MASK, Secrets
from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.common.system_errors import remedy
from JumpstarterLibrary.errors import ConfigurationError

logger = logging.getLogger(__name__)

TIMED_SUFFIX = ".timed.log"

LINE_LIMIT = 64 * 1024
"""Characters of a line without an end after which it is written nevertheless."""


class Transcript:
    """The two files. What is written to them is in them at once, except for a timed line that has no end yet.

    Args:
        path: The file with every byte; the other one is beside it. None for no files at all.
        console: The console's name, for messages.
        secrets: What may not be in them.
        tell: Called once with a sentence, in the thread that writes, if they end early. Default: nothing.

    Raises:
        ConfigurationError: They cannot be written.
    """

    def __init__(
        self, path: Path | None, console: str, secrets: Secrets, tell: Callable[[str], object] = lambda _text: None
    ) -> None:
        self._console = console
        self._tell = tell
        self._path = path
        self._secrets = secrets
        self._lock = threading.Lock()
        self._raw: FileIO | None = None
        self._timed: FileIO | None = None
        self._line: list[str] = []
        self._line_length = 0
        self._line_begin = 0.0
        self._sign = "<"
        self._clock_text = (0, "")
        # The end of what is written, as it was and as it is in the file: secrets are recognised when they are complete.
        self._tail = self._written_tail = b""
        self._decided = 0
        self._file_begin = 0
        self.position = 0
        """Bytes that came."""
        if path is not None:
            self._open(path)

    def _open(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._raw = _opened(path)
            self._file_begin = self._raw.tell()
            self._timed = _opened(path.with_suffix(TIMED_SUFFIX))
        except OSError as error:
            self.close()
            raise ConfigurationError(
                f"The transcript '{path}' cannot be written: {error.strerror}. {remedy(error)}"
            ) from error

    @property
    def path(self) -> Path | None:
        """The file with every byte, while it is written."""
        return self._path if self._raw is not None else None

    @property
    def timed_path(self) -> Path | None:
        """The file with timed lines, while it is written."""
        return self._path.with_suffix(TIMED_SUFFIX) if self._path is not None and self._timed is not None else None

    @property
    def offset(self) -> int:
        """Where the next byte goes in the file with every byte; without a file, how many bytes came."""
        return self._file_begin + self.position

    def received(self, data: bytes, text: str) -> None:
        """Keep what came: as bytes, and as the text that it adds."""
        with self._lock:
            self.position += len(data)
            try:
                if self._raw is not None:
                    self._keep(self._raw, data)
                if self._timed is not None and text:
                    self._keep_lines(self._timed, text)
            except OSError as error:
                self._give_up(error)

    def sent(self, data: bytes, *, secret: bool = False) -> None:
        """Keep what is typed; of a secret only that there was one."""
        shown = MASK if secret else self._secrets.hidden(data.decode(errors="backslashreplace"))
        self._event(">", shown.encode("unicode_escape").decode())

    def happened(self, what: str) -> None:
        """Record something that happened to the console."""
        self._event("=", what)

    def gap(self, seconds: float) -> None:
        """Record a gap: the console was not read for a while."""
        self.happened(f"gap of {format_duration(round(seconds, 1))}: what was said meanwhile is lost")

    def close(self) -> None:
        """Write what waits for its line end, and close the files. Closing twice is fine."""
        with self._lock:
            try:
                if self._timed is not None:
                    self._cut_line(self._timed)
            except OSError as error:
                self._give_up(error)
            for file in (self._raw, self._timed):
                if file is not None:
                    file.close()
            self._raw = self._timed = None

    # The file with every byte

    def _keep(self, file: FileIO, data: bytes) -> None:
        longest = self._secrets.longest
        if not longest:
            _write(file, data)
            return
        region, before = self._tail + data, len(self._tail)
        if not self._secrets.may_end_in(region, before):
            _write(file, data)
            self._keep_tail(region, self._written_tail + data, longest)
            return
        masked = self._secrets.hidden_bytes(region, self.position - len(region))
        # At its beginning, the tail may have only a part of a secret; what was decided there stays.
        masked = self._written_tail[: self._decided] + masked[self._decided :]
        if masked[:before] != self._written_tail:
            end = file.seek(0, os.SEEK_END)
            os.pwrite(file.fileno(), masked[:before], end - before)
        _write(file, masked[before:])
        self._keep_tail(region, masked, longest)

    def _keep_tail(self, region: bytes, masked: bytes, longest: int) -> None:
        keep = 2 * longest + 2
        if len(region) > keep:
            self._decided = longest
        self._tail, self._written_tail = region[-keep:], masked[-keep:]

    # The file with timed lines

    def _keep_lines(self, file: FileIO, text: str) -> None:
        now = time.time()
        first, ended, rest = text.partition("\n")
        self._extend_line(now, first)
        if ended:
            self._end_line(file, now)
            lines, ended, first = rest.rpartition("\n")
            if ended:
                prefix = f"{self._stamp(now)} < "
                lines = self._secrets.hidden(lines).replace("\n", f"\n{prefix}")
                _write(file, f"{prefix}{lines}\n".encode(errors="replace"))
            self._extend_line(now, first)
        if self._line_length > LINE_LIMIT:
            self._cut_line(file)

    def _extend_line(self, now: float, text: str) -> None:
        if text:
            self._line_begin = self._line_begin if self._line else now
            self._line.append(text)
            self._line_length += len(text)

    def _end_line(self, file: FileIO, now: float) -> None:
        # Of a line that was cut in two, the line end alone says nothing.
        if self._line or self._sign == "<":
            self._line_begin = self._line_begin if self._line else now
            self._write_line(file)
        self._sign = "<"

    def _cut_line(self, file: FileIO) -> None:
        """Write a line that has no end yet."""
        if self._line:
            self._write_line(file)
            self._sign = "+"

    def _write_line(self, file: FileIO) -> None:
        line, self._line, self._line_length = self._secrets.hidden("".join(self._line)), [], 0
        _write(file, f"{self._stamp(self._line_begin)} {self._sign} {line}\n".encode(errors="replace"))

    def _event(self, sign: str, text: str) -> None:
        with self._lock:
            if self._timed is None:
                return
            try:
                self._cut_line(self._timed)
                _write(self._timed, f"{self._stamp(time.time())} {sign} {text}\n".encode(errors="replace"))
            except OSError as error:
                self._give_up(error)

    def _stamp(self, moment: float) -> str:
        second, fraction = divmod(moment, 1)
        if self._clock_text[0] != second:
            self._clock_text = (int(second), time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)))
        return f"{self._clock_text[1]}.{int(fraction * 1000):03}"

    def _give_up(self, error: OSError) -> None:
        reason = error.strerror or error
        logger.debug("the transcript of console %s ends: %s", self._console, reason)
        for file in (self._raw, self._timed):
            if file is not None:
                file.close()
        self._raw = self._timed = None
        self._tell(
            f"The transcript '{self._path}' of console '{self._console}' ends here: {reason}. What the console says "
            f"from now on is kept in memory only. {remedy(error)}"
        )


def _opened(path: Path) -> FileIO:
    """Open a file to add to it, unbuffered, so that nothing is missing when a test ends hard."""
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
    file.seek(0, os.SEEK_END)
    return file


def _write(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]
