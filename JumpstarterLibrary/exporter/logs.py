"""The exporter's log as clients read it: a ring of records, each handed out once, and a word about lost ones."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.exporter.streams import Signal
from JumpstarterLibrary.protocol import common_pb2, jumpstarter_pb2
from JumpstarterLibrary.protocol.names import LOG_NUMBER
from JumpstarterLibrary.protocol.wellknown import Timestamp

RING_LIMIT = 5_000
"""Records that wait for a reader; beyond that the oldest are dropped, and the reader is told how many."""

RING_TEXT = 2 * 1024 * 1024
"""Characters of their messages, likewise."""

MESSAGE_LIMIT = 64 * 1024
"""Characters of a record's message; the rest is cut off."""

FRAME_LIMIT = 20
"""Calls of a traceback that records show: the innermost ones."""

LINE_LIMIT = 2000
"""Characters of one entry of a traceback."""

DRIVER_LOGGER = "driver"
EXPORTER_LOGGER = "JumpstarterLibrary.exporter"


@dataclass(frozen=True)
class LogScope:
    """Whose log a piece of code writes to, and during which call."""

    ring: LogRing
    operation: str | None = None


_SCOPE: ContextVar[LogScope | None] = ContextVar("exporter_log_scope", default=None)


@contextmanager
def log_scope(ring: LogRing, operation: str | None = None) -> Iterator[None]:
    """Send what is logged inside to one session's ring only, also from threads and tasks that it starts.

    Several sessions may live in one process and share a driver class's logger. Records logged outside any scope reach
    every ring.
    """
    token = _SCOPE.set(LogScope(ring, operation))
    try:
        yield
    finally:
        _SCOPE.reset(token)


class BoundedFormatter(logging.Formatter):
    """Formats records of bounded length: a path of some kilobytes in a deep recursion once made megabytes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record, cut off behind 64 Ki characters."""
        text = super().format(record)
        return text if len(text) <= MESSAGE_LIMIT else f"{text[:MESSAGE_LIMIT]} [{len(text) - MESSAGE_LIMIT} more]"

    def formatException(self, ei: Any) -> str:
        """Return a traceback with its innermost calls, and the error cut off."""
        entries = traceback.format_exception(*ei, limit=-FRAME_LIMIT)
        return "".join(text if len(text) <= LINE_LIMIT else f"{text[:LINE_LIMIT]} [...]\n" for text in entries).rstrip()


class LogRing(logging.Handler):
    """Collects records of Python's logging, from any thread, for one session's log stream.

    Args:
        loggers: Names of the loggers to listen to.

    Attributes:
        written: How many records it has taken so far.
    """

    def __init__(self, loggers: tuple[str, ...] = (DRIVER_LOGGER, EXPORTER_LOGGER)) -> None:
        super().__init__()
        self._loggers = [logging.getLogger(name) for name in loggers]
        self._sources: dict[str, int] = {}
        self._attached = False
        self.written = 0
        self._followers = 0
        self._progress = Signal()
        self._records: deque[jumpstarter_pb2.LogStreamResponse] = deque()
        self._characters = 0
        self._dropped = 0
        self._last_dropped = jumpstarter_pb2.LogStreamResponse()
        self._readers: deque[asyncio.Future[None]] = deque()
        self._guard = threading.Lock()
        self.setFormatter(BoundedFormatter("%(message)s"))

    def attach(self) -> None:
        """Begin to listen."""
        self._attached = True
        for logger in self._loggers:
            logger.addHandler(self)

    def detach(self) -> None:
        """Listen no more. What was collected can still be read."""
        self._attached = False
        for logger in self._loggers:
            logger.removeHandler(self)

    def add_source(self, name: str, source: int) -> None:
        """Listen to one more logger, and tell clients where its records come from.

        Args:
            name: The logger; those below it are meant, too.
            source: A number of the protocol's LogSource.
        """
        self._sources[name] = source
        if not any(_is_below(name, logger.name) for logger in self._loggers):
            logger = logging.getLogger(name)
            self._loggers.append(logger)
            if self._attached:
                logger.addHandler(self)

    def remove_source(self, name: str) -> None:
        """Forget what was told of a logger. It is listened to as before."""
        self._sources.pop(name, None)

    def _source(self, name: str) -> int:
        named = [known for known in self._sources if _is_below(name, known)]
        if named:
            return self._sources[max(named, key=len)]
        return common_pb2.LOG_SOURCE_DRIVER if _is_below(name, DRIVER_LOGGER) else common_pb2.LOG_SOURCE_SYSTEM

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of Python's logging."""
        scope = _SCOPE.get()
        if scope is not None and scope.ring is not self:
            return
        try:
            text = self.format(record)
        except (TypeError, ValueError):
            # A record whose arguments do not fit its message: logging's own complaint goes to stderr.
            self.handleError(record)
            return
        from_driver = record.name.startswith(f"{DRIVER_LOGGER}.")
        self._append(
            jumpstarter_pb2.LogStreamResponse(
                severity=record.levelname,
                message=_message(text),
                source=self._source(record.name),  # type: ignore[arg-type]
                driver_type=record.name.removeprefix(f"{DRIVER_LOGGER}.") if from_driver else None,
                operation=scope.operation if scope is not None else None,
                timestamp=_timestamp(record.created),
            )
        )

    def write(self, message: str, source: int, severity: str = "INFO") -> None:
        """Add a line that does not come from Python's logging, for example a hook's output.

        Args:
            message: The line.
            source: A number of the protocol's LogSource.
            severity: A level name of Python's logging.
        """
        self._append(
            jumpstarter_pb2.LogStreamResponse(
                severity=severity,
                message=_message(message),
                source=source,  # type: ignore[arg-type]
                timestamp=_timestamp(time.time()),
            )
        )

    async def get(self) -> jumpstarter_pb2.LogStreamResponse:
        """Return the oldest record, once it is there. Several readers share the records."""
        loop = asyncio.get_running_loop()
        while True:
            with self._guard:
                record = self._oldest()
                if record is not None:
                    self._progress.wake()
                    return record
                waiter: asyncio.Future[None] = loop.create_future()
                self._readers.append(waiter)
            try:
                await waiter
            finally:
                with self._guard, suppress(ValueError):
                    self._readers.remove(waiter)

    def take(self) -> jumpstarter_pb2.LogStreamResponse | None:
        """Return the oldest record; None if there is none."""
        with self._guard:
            record = self._oldest()
        self._progress.wake()
        return record

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Count a client among those that follow the log, for the length of a block. On the readers' event loop."""
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1
            self._progress.wake()

    async def until_read(self) -> None:
        """Return once no record waits for a reader, or no client follows the log. On the readers' event loop."""
        while self._followers and not self.read:
            await self._progress.wait()

    @property
    def read(self) -> bool:
        """Whether no record waits for a reader."""
        with self._guard:
            return not self._records and not self._dropped

    def put_back(self, record: jumpstarter_pb2.LogStreamResponse) -> None:
        """Let the next reader have a record that did not reach its reader, unless newer ones have filled the ring."""
        with self._guard:
            if self._full(record):
                self._drop(record)
            else:
                self._records.appendleft(record)
                self._characters += len(record.message)
        self._wake_readers()

    def _oldest(self) -> jumpstarter_pb2.LogStreamResponse | None:
        """Take the oldest record, or the one that tells of those that are missing before it."""
        if self._dropped:
            record, dropped = self._last_dropped, self._dropped
            self._dropped = 0
            lines = "1 line is" if dropped == 1 else f"{dropped} lines are"
            record.message = f"{lines} missing here: no client has read them before there was no room for them."
            record.severity = "WARNING"
            return record
        if not self._records:
            return None
        record = self._records.popleft()
        self._characters -= len(record.message)
        return record

    def _full(self, record: jumpstarter_pb2.LogStreamResponse) -> bool:
        return len(self._records) >= RING_LIMIT or self._characters + len(record.message) > RING_TEXT

    def _drop(self, record: jumpstarter_pb2.LogStreamResponse) -> None:
        self._dropped += 1
        self._last_dropped = record

    def _append(self, record: jumpstarter_pb2.LogStreamResponse) -> None:
        with self._guard:
            self.written += 1
            record.structured_fields[LOG_NUMBER] = str(self.written)
            while self._records and self._full(record):
                oldest = self._records.popleft()
                self._characters -= len(oldest.message)
                self._drop(oldest)
            self._records.append(record)
            self._characters += len(record.message)
        self._wake_readers()

    def _wake_readers(self) -> None:
        with self._guard:
            readers = list(self._readers)
            self._readers.clear()
        for waiter in readers:
            # RuntimeError: the reader's loop has been closed meanwhile.
            with suppress(RuntimeError):
                waiter.get_loop().call_soon_threadsafe(_wake, waiter)


def _is_below(name: str, logger: str) -> bool:
    return logger in ("", "root", name) or name.startswith(f"{logger}.")


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _message(text: str) -> str:
    # The wire takes valid Unicode only, and file names from the system may hold surrogates.
    return text[:MESSAGE_LIMIT].encode(errors="replace").decode()


def _timestamp(seconds: float) -> Timestamp:
    whole = int(seconds)
    return Timestamp(seconds=whole, nanos=int((seconds - whole) * 1e9))
