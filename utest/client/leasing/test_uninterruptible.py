"""Work that has to be done although the process is told to stop, again and again."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.uninterruptible import LAST_WORDS_S, UninterruptibleTask, shielded

Eventually = Callable[[Callable[[], object]], None]


class Work:
    """Some work that goes on until it is told to end.

    Attributes:
        begun: Set when it has begun.
        done: How often it was done.
    """

    def __init__(self, until: Callable[[], object], failure: str | None = None) -> None:
        self.begun = threading.Event()
        self.done = 0
        self._until, self._failure = until, failure

    def __call__(self) -> str | None:
        self.begun.set()
        end = time.monotonic() + 10
        while not self._until():
            assert time.monotonic() < end
            threading.Event().wait(0.002)
        self.done += 1
        return self._failure


def test_what_work_says_is_returned() -> None:
    assert shielded(lambda: None, Deadline(5)) is None
    assert shielded(lambda: "it did not work.", Deadline(5)) == "it did not work."


def test_an_interruption_waits_until_the_work_is_done(alarm: Any) -> None:
    work = Work(lambda: alarm.count)
    alarm.when(work.begun.is_set)
    with pytest.raises(alarm.Interruption):
        shielded(work, Deadline(5))
    assert work.done == 1


def test_repeated_interruptions_change_nothing(alarm: Any) -> None:
    main = threading.main_thread().ident

    def waits() -> bool:
        """Whether the main thread waits for the work. Elsewhere, between two waits, an interruption gets through."""
        frame = sys._current_frames().get(main or 0)
        inside = [entry.f_code for entry, _ in traceback.walk_stack(frame)]
        return inside[:1] == [threading.Condition.wait.__code__] and UninterruptibleTask.wait.__code__ in inside

    def ring() -> None:
        for number in range(10):
            while alarm.count < number or not waits():
                threading.Event().wait(0.002)
            alarm(0.001)

    ringing = threading.Thread(target=ring, daemon=True)
    work = Work(lambda: alarm.count == 10)
    ringing.start()
    with pytest.raises(alarm.Interruption):
        shielded(work, Deadline(60))
    assert work.done == 1
    ringing.join()


def test_what_was_found_out_is_known_after_an_interruption(alarm: Any) -> None:
    work = Work(lambda: alarm.count, "it did not work.")
    work_in_hand = UninterruptibleTask(work, Deadline(5))
    alarm.when(work.begun.is_set)
    with pytest.raises(alarm.Interruption):
        work_in_hand.wait()
    assert work_in_hand.over is True
    assert work_in_hand.failure == "it did not work."


def test_work_is_done_once_however_many_wait_for_it(during: Callable[..., Any]) -> None:
    waiting: list[int] = []
    work = Work(lambda: len(waiting) == 8)
    work_in_hand = UninterruptibleTask(work, Deadline(5))

    def wait() -> str | None:
        waiting.append(1)
        return work_in_hand.wait()

    assert [join() for join in [during(wait) for _ in range(8)]] == [None] * 8
    assert work.done == 1


def test_work_without_an_end_is_left(
    frozen_clock: MovableClock, during: Callable[..., Any], eventually: Eventually, over: threading.Event
) -> None:
    work = Work(over.is_set)
    work_in_hand = UninterruptibleTask(work, Deadline(5))
    join = during(work_in_hand.wait)
    eventually(work.begun.is_set)
    frozen_clock.advance(5)
    # It may still say what went wrong.
    assert work_in_hand.over is False
    frozen_clock.advance(LAST_WORDS_S)
    assert join() == "the controller did not answer in time."


def test_work_that_fails_unforeseen_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def work() -> None:
        raise RuntimeError("unforeseen")

    assert shielded(work, Deadline(5)) == "the controller did not answer in time."


def test_at_exit_where_no_thread_starts_any_more_it_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    work = Work(lambda: True)
    assert shielded(work, Deadline(5)) is None
    assert work.done == 1
