"""Events wait for the main thread, and none is lost silently."""

from __future__ import annotations

import threading

import pytest

from JumpstarterLibrary.client.events import LogRecord, Notice, Progress
from JumpstarterLibrary.reporting import drain
from JumpstarterLibrary.reporting.drain import EventDrain


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    monkeypatch.setattr(drain.logger, "write", lambda text, level: lines.append((level, text)))
    monkeypatch.setattr(drain.logger, "warn", lambda text: lines.append(("WARN", text)))
    return lines


def test_events_are_written_in_order_and_once(written: list[tuple[str, str]]) -> None:
    events = EventDrain()
    events.put(LogRecord("power on", "INFO", "DRIVER"))
    events.put(LogRecord("details", "DEBUG", "SYSTEM"))
    events.put(Progress("'write' of driver 'mux'", 50_000_000, 100_000_000, 2.0))
    events.put(Notice("careful", "WARN"))
    events.drain()
    events.drain()
    assert written == [
        ("INFO", "exporter log: DRIVER INFO: power on"),
        ("DEBUG", "exporter log: SYSTEM DEBUG: details"),
        ("INFO", "'write' of driver 'mux': 50.0 MB of 100.0 MB (50 %), 25.0 MB/s"),
        ("WARN", "careful"),
    ]


def test_other_threads_only_put(written: list[tuple[str, str]]) -> None:
    events = EventDrain()

    def work() -> None:
        events.put(Notice("from a thread"))
        events.drain()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert written == []
    events.drain()
    assert written == [("INFO", "from a thread")]


def test_overflow_is_told(written: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    events = EventDrain()
    for number in range(drain.LIMIT + 3):
        events.put(Notice(str(number)))
    events.drain()
    assert written[0] == ("WARN", "3 events came faster than they could be logged and were dropped.")
    assert written[1] == ("INFO", "3")
    assert len(written) == drain.LIMIT + 1
