"""Events: everybody who subscribed gets each one."""

from __future__ import annotations

import time

import pytest

from JumpstarterLibrary.client.events import Event, Events, LogRecord, Notice, Progress


def test_all_subscribers_get_what_comes_after_they_subscribed() -> None:
    events, first, second = Events(), list[Event](), list[Event]()
    events.emit(Notice("nobody hears it"))
    events.subscribe(first.append)
    one = Notice("one")
    events.emit(one)
    events.subscribe(second.append)
    two = LogRecord("line", "INFO", "DRIVER")
    events.emit(two)
    assert (first, second) == ([one, two], [two])


def test_an_event_knows_when_it_happened() -> None:
    before = time.time()
    assert before <= Notice("x").time <= time.time()
    assert Notice("x", time=1.0).time == 1.0
    assert Notice("x").level == "INFO"


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress("'write'", 5_000_000, 10_000_000, 2.0), "'write': 5.0 MB of 10.0 MB (50 %), 2.5 MB/s"),
        (Progress("'read'", 1_500_000, None, 1.0), "'read': 1.5 MB, 1.5 MB/s"),
        (Progress("'read'", 0, 0, 0.0), "'read': 0.0 MB, 0.0 MB/s"),
    ],
)
def test_progress_in_words(progress: Progress, text: str) -> None:
    assert str(progress) == text


def test_who_unsubscribed_gets_nothing_more() -> None:
    events, seen = Events(), list[Event]()
    events.subscribe(seen.append)
    events.unsubscribe(seen.append)
    events.unsubscribe(print)
    events.emit(Notice("nobody hears it"))
    assert seen == []


def test_listeners_get_what_streams_bring_and_no_events() -> None:
    events, heard, seen = Events(), list[tuple[str, bytes]](), list[Event]()
    events.heard("console", b"nobody hears it")
    events.listen(lambda driver, data: heard.append((driver, data)))
    events.subscribe(seen.append)
    events.heard("console", b"U-Boot")
    events.emit(Notice("one"))
    assert heard == [("console", b"U-Boot")]
    assert [type(event) for event in seen] == [Notice]
