"""Emit the events of a driver call: its beginning with shortened arguments, its answer, its measurements, its error."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.consoles.secrets import MASK
from JumpstarterLibrary.client.events import CallBegun, CallEnded, Events, Measurement
from JumpstarterLibrary.errors import JumpstarterError

TEXT_LIMIT = 4096
"""Characters of an argument that an event holds. The log cuts it shorter once known secrets are masked."""

MESSAGE_LIMIT = 2000
"""Characters of an error's sentence that are recorded."""

ITEMS = 8
"""Entries of a list or mapping that are recorded; of more, only how many there are."""

DEPTH = 3
"""Lists and mappings inside each other that are recorded."""

MEASUREMENT_PAUSE_S = 0.1
"""Seconds between two measurements of a streaming call that are recorded; the results in between are only counted."""

_SECRET_WORDS = (
    "pass", "pwd", "secret", "token", "credential", "authorization", "bearer", "private", "cookie", "signature"
)  # fmt: skip
"""Parts of the names of values that are masked, such as the headers of a presigned request."""

_QUERY = re.compile(r"(://[^\s?'\"]*\?)[^\s'\"]*")
_USER = re.compile(r"(?<=://)[^/@\s]*(?=@)")

_numbers = itertools.count(1)


class LimitReached(Exception):
    """A call was ended because its download has as many bytes as it was to have; not an error."""


class CallRecord:
    """The record of one driver call; a context manager around it. Does nothing where no subscriber is.

    Args:
        events: Where the events go.
        driver: The driver path.
        method: The method's name on the exporter.
        call_type: ``unary`` or ``streaming``.
        args: The arguments.
    """

    def __init__(self, events: Events, driver: str, method: str, call_type: str, args: tuple[object, ...]) -> None:
        self._events = events if events.wanted(CallEnded) else None
        if self._events is None:
            return
        self._driver, self._method = driver, method
        self._number = next(_numbers)
        self._results: int | None = None if call_type == "unary" else 0
        self._answer: object = None
        self._measured = float("-inf")
        begun = CallBegun(self._number, driver, method, call_type, [describe(value) for value in args])
        self._begin = begun.monotonic
        self._events.emit(begun)

    def answered(self, value: Any) -> Any:
        """Record the answer of a unary call, and return it."""
        if self._events is not None:
            self._answer = shape(value)
        return value

    def brought(self, value: Any) -> Any:
        """Count a result of a streaming call, and return it. Numbers by name are recorded as a measurement."""
        if self._events is not None:
            self._results = (self._results or 0) + 1
            if measured(value) and clock.seconds() - self._measured >= MEASUREMENT_PAUSE_S:
                self._measured = clock.seconds()
                self._events.emit(Measurement(self._driver, self._method, dict(value)))
        return value

    def end(self, error: BaseException | None = None) -> None:
        """Record the end of the call. Twice is fine.

        Args:
            error: Why it failed; None where it succeeded. ``LimitReached`` is recorded as an end without an error.
        """
        if isinstance(error, LimitReached):
            error = None
        events, self._events = self._events, None
        if events is None:
            return
        code, fault, message = (None, None, None) if error is None else _failure(error)
        events.emit(
            CallEnded(
                self._number,
                self._driver,
                self._method,
                clock.seconds() - self._begin,
                self._answer if error is None else None,
                self._results,
                code,
                fault,
                message,
            )
        )

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Record what is raised in the block as the end of the call, which otherwise goes on behind the block."""
        try:
            yield
        except BaseException as error:
            self.end(error)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)


def _failure(error: BaseException) -> tuple[str, str | None, str]:
    """Return the code of an error, what it counts against, and its sentence."""
    if isinstance(error, JumpstarterError):
        return error.code, error.fault.value, error.facts[:MESSAGE_LIMIT]
    return type(error).__name__, None, str(error)[:MESSAGE_LIMIT]


def describe(value: object, depth: int = 0) -> object:
    """Return an argument as the event log has it: a long text cut, and what is named like a secret masked."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            text = mask_urls(value)
            return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}... ({len(text)} characters)"
        case Mapping() if depth < DEPTH and len(value) <= ITEMS:
            return {
                str(key): MASK if _names_secret(str(key)) else describe(item, depth + 1) for key, item in value.items()
            }
        case list() | tuple() if depth < DEPTH and len(value) <= ITEMS:
            return [describe(item, depth + 1) for item in value]
    return shape(value)


def mask_urls(text: str) -> str:
    """Return a text without what URLs in it may hold of secrets: users with passwords, and queries."""
    return _USER.sub(MASK, _QUERY.sub(rf"\1{MASK}", text)) if "://" in text else text


def _names_secret(name: str) -> bool:
    plain = name.lower().replace("_", "").replace("-", "")
    return plain == "auth" or plain.endswith("key") or any(word in plain for word in _SECRET_WORDS)


def shape(value: object) -> object:
    """Return the shape of an answer: a number as it is, of anything else its type and size."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict() if measured(value):
            return dict(value)
        case str() | bytes() | list() | tuple() | dict() | set():
            return {"type": type(value).__name__, "length": len(value)}
    return {"type": type(value).__name__}


def measured(value: object) -> bool:
    """Return whether a value has nothing but some numbers by name, such as a power reading."""
    return (
        isinstance(value, dict)
        and 0 < len(value) <= ITEMS
        and all(isinstance(item, int | float) and not isinstance(item, bool) for item in value.values())
    )
