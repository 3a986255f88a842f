"""Render the library's errors in a report: the user's own lines and a sentence, or the sentence alone."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pytest

from JumpstarterLibrary.printable import printable, printable_prose

# A context manager of ours may be entered through contextlib.
_OURS = {"JumpstarterLibrary", "pytest_jumpstarter", "contextlib"}
_PYTEST = {"_pytest", "pluggy"}

_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@contextlib.contextmanager
def trim_traceback(call: pytest.CallInfo[None], excinfo: pytest.ExceptionInfo[BaseException]) -> Iterator[Any]:
    """Hide what is below the user's code while a report is made: our frames, and the gRPC error that was the cause.

    Afterwards everything is back, for debuggers.

    Args:
        call: The call that failed.
        excinfo: Its failure, with one of our errors.

    Yields:
        The whole report where nothing of the user's is left, as with a fixture of ours; else None.
    """
    error = excinfo.value
    entries = _above_ours(excinfo.tb)
    cause, suppress = error.__cause__, error.__suppress_context__
    nothing_left = _package(entries[-1]) in _PYTEST
    # Where the sentence is the report, pytest's own needs no source of each frame, which takes long to find.
    shown = _chain(entries[-1:] if nothing_left else entries)
    call.excinfo = pytest.ExceptionInfo.from_exc_info((type(error), error, shown))
    error.__cause__ = None  # which hides __context__ as well
    try:
        yield _sentence(error) if nothing_left else None
    finally:
        error.__cause__, error.__suppress_context__ = cause, suppress
        call.excinfo = excinfo


def clean_report(report: pytest.TestReport) -> None:
    """Make a failed test's report printable: it quotes values of the test, which a board or a driver may have sent.

    pytest's own colours stay.
    """
    chain = getattr(report.longrepr, "chain", None) or [
        (getattr(report.longrepr, name, None) for name in ("reprtraceback", "reprcrash"))
    ]
    for traceback, crash, *_ in chain:
        for entry in getattr(traceback, "reprentries", ()):
            entry.lines = [_clean(line) for line in entry.lines]
        if crash is not None:
            crash.message = _clean(crash.message)


def _clean(text: str) -> str:
    plain = _COLOUR.sub("", text)
    return text if printable(plain) == plain else printable_prose(text)


def _above_ours(traceback: TracebackType) -> list[TracebackType]:
    """Return the entries of a traceback without those of ours at its end."""
    entries = [traceback]
    while entries[-1].tb_next is not None:
        entries.append(entries[-1].tb_next)
    while len(entries) > 1 and _package(entries[-1]) in _OURS:
        del entries[-1]
    return entries


def _chain(entries: list[TracebackType]) -> TracebackType:
    """Return a traceback of these entries; the original stays as it is."""
    chain: TracebackType | None = None
    for entry in reversed(entries):
        chain = TracebackType(chain, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    assert chain is not None
    return chain


def _package(entry: TracebackType) -> str:
    return str(entry.tb_frame.f_globals.get("__name__", "")).partition(".")[0]


def _sentence(error: BaseException) -> Any:
    # pytest's summary shows the class with its module, unless that is builtins.
    plain: type[Exception] = type(type(error).__name__, (Exception,), {"__module__": "builtins"})
    try:
        raise plain(str(error))
    except plain:
        return pytest.ExceptionInfo.from_current().getrepr(style="value", chain=False)
