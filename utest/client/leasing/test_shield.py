"""Work that has to be done although the process is told to stop, again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing import shield
from JumpstarterLibrary.client.leasing.shield import Shielded, shielded


def slow(seconds: float, done: list[str]) -> Callable[[], str | None]:
    def work() -> str | None:
        threading.Event().wait(seconds)
        done.append("done")
        return None

    return work


def test_what_work_says_is_returned() -> None:
    assert shielded(lambda: None, Deadline(5)) is None
    assert shielded(lambda: "it did not work.", Deadline(5)) == "it did not work."


def test_an_interruption_waits_until_the_work_is_done(alarm: Any) -> None:
    done: list[str] = []
    alarm(0.05)
    with pytest.raises(alarm.Interruption):
        shielded(slow(0.3, done), Deadline(5))
    assert done == ["done"]


def test_repeated_interruptions_change_nothing(alarm: Any) -> None:
    done: list[str] = []
    enough = threading.Event()

    def ring() -> None:
        while not enough.wait(0.02):
            alarm(0.001)

    ringing = threading.Thread(target=ring, daemon=True)

    def work() -> None:
        enough.wait(0.4)
        # The last interruption comes while the work goes on, and none after the test.
        enough.set()
        ringing.join()
        threading.Event().wait(0.1)
        done.append("done")

    ringing.start()
    with pytest.raises(alarm.Interruption):
        shielded(work, Deadline(5))
    assert done == ["done"]


def test_what_was_found_out_is_known_after_an_interruption(alarm: Any) -> None:
    def work() -> str:
        threading.Event().wait(0.2)
        return "it did not work."

    work_in_hand = Shielded(work, Deadline(5))
    alarm(0.05)
    with pytest.raises(alarm.Interruption):
        work_in_hand.wait()
    assert work_in_hand.over is True
    assert work_in_hand.failure == "it did not work."


def test_work_is_done_once_however_many_wait_for_it(during: Callable[..., Any]) -> None:
    done: list[str] = []
    work_in_hand = Shielded(slow(0.1, done), Deadline(5))
    assert [join() for join in [during(work_in_hand.wait) for _ in range(8)]] == [None] * 8
    assert done == ["done"]


def test_work_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shield, "LAST_WORDS_S", 0.05)
    over = threading.Event()

    def work() -> None:
        over.wait(10)

    begin = time.monotonic()
    assert shielded(work, Deadline(0.05)) == "the controller did not answer in time."
    assert time.monotonic() - begin < 1
    over.set()


def test_work_that_fails_unforeseen_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def work() -> None:
        raise RuntimeError("unforeseen")

    assert shielded(work, Deadline(5)) == "the controller did not answer in time."


def test_at_exit_where_no_thread_starts_any_more_it_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    done: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", start)
    assert shielded(slow(0, done), Deadline(5)) is None
    assert done == ["done"]
