"""Events: everybody who subscribed gets each one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from JumpstarterLibrary.client.events import Event, Events, LogRecord, MarkSet, Notice, Progress, TransferEnded


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


def test_a_subscriber_to_some_kinds_gets_no_others() -> None:
    events, seen = Events(), list[Event]()
    assert not events.wanted(Notice)
    events.subscribe(seen.append, Notice, MarkSet)
    notice, mark = Notice("one"), MarkSet("boot")
    for event in (notice, LogRecord("line", "INFO", "DRIVER"), mark):
        events.emit(event)
    assert seen == [notice, mark]
    assert events.wanted(Notice)
    assert not events.wanted(LogRecord)


def test_what_waits_for_the_end_is_called_once_last_first() -> None:
    events, called = Events(), list[str]()
    events.on_close(lambda: called.append("first"))
    events.on_close(lambda: called.append("second"))
    events.close()
    events.close()
    assert called == ["second", "first"]


def test_listeners_to_references_get_where_bytes_are() -> None:
    events, found = Events(), list[tuple[str, Path | None, int, int]]()
    events.listen_references(lambda *reference: found.append(reference))
    events.refer("console", Path("console.log"), 10, 3)
    assert found == [("console", Path("console.log"), 10, 3)]


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        (
            TransferEnded("upload", "'write' of driver 'sd'", "a.img", 2_000_000, "9f86", 2.0),
            "'write' of driver 'sd': upload of 'a.img' ended: 2000000 bytes, 1.0 MB/s, SHA-256 9f86",
        ),
        (TransferEnded("download", "'read'", "", 5, None, 0.0), "'read': download ended: 5 bytes, 0.0 MB/s"),
    ],
)
def test_the_end_of_a_transfer_in_words(ended: TransferEnded, text: str) -> None:
    assert str(ended) == text


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
