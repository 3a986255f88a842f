"""The clock of the client: a test moves it, and each wait that is due ends at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.clock import Clock, MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.interrupts import pause

LONG_S = 3600.0


def test_real_time_is_in_force_unless_another_clock_is() -> None:
    before = time.monotonic()
    assert before <= clock.seconds() <= time.monotonic()
    moved = MovableClock()
    with clock.using(moved):
        moved.advance(LONG_S)
        assert clock.seconds() >= before + LONG_S
    assert clock.seconds() < before + LONG_S


def test_a_real_wait_ends_by_its_event_and_by_its_limit() -> None:
    event = threading.Event()
    assert not Clock().wait(event, 0.0)
    event.set()
    assert Clock().wait(event, None)


def test_an_advanced_clock_expires_deadlines() -> None:
    moved = MovableClock()
    with clock.using(moved):
        deadline = Deadline(LONG_S)
        assert not deadline.expired
        moved.advance(LONG_S)
        assert deadline.expired
        assert deadline.remaining == 0.0


def test_an_advanced_clock_ends_a_wait_of_another_thread(eventually: Callable[[Callable[[], object]], None]) -> None:
    moved, ended = MovableClock(running=False), threading.Event()

    def work() -> None:
        pause(LONG_S)
        ended.set()

    with clock.using(moved):
        thread = threading.Thread(target=work)
        thread.start()
        assert not ended.wait(0.05)
        moved.advance(LONG_S - 1)
        assert not ended.wait(0.05)
        eventually(lambda: moved.advance(1) or ended.is_set())
        thread.join()


def test_a_condition_that_is_notified_ends_the_wait_before_its_limit() -> None:
    moved, condition, notified = MovableClock(running=False), threading.Condition(), []

    def work() -> None:
        with condition:
            notified.append(1)
            condition.notify_all()

    with clock.using(moved), condition:
        thread = threading.Thread(target=work)
        thread.start()
        assert clock.wait(condition, LONG_S)
        assert notified
    thread.join()


def test_a_notification_that_comes_while_the_clock_is_looked_at_is_not_lost() -> None:
    moved, condition, waits, ended = MovableClock(running=False), threading.Condition(), threading.Event(), list[bool]()

    def work() -> None:
        with condition:
            waits.set()
            ended.append(clock.wait(condition, LONG_S))

    with clock.using(moved):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        waits.wait()
        with condition:
            threading.Event().wait(5 * clock.SLICE_S)
            condition.notify_all()
        thread.join(10)
        assert ended == [True]


def test_a_wait_that_is_skipped_takes_its_whole_time_of_the_clock() -> None:
    moved = MovableClock(running=False)
    with clock.using(moved), moved.skipping():
        pause(LONG_S)
        assert not clock.wait(threading.Event(), 60.0)
    assert moved.seconds() == LONG_S + 60.0


@pytest.mark.parametrize("limit", [0.1, 0.3, 0.5, 0.7, 1.1, 3.3])
def test_a_loop_that_waits_for_the_rest_of_its_limit_ends(limit: float) -> None:
    moved = MovableClock(running=False)
    with clock.using(moved), moved.skipping():
        for begin in (0.1, 0.15, LONG_S + 0.1):
            moved.advance(begin)
            start, rounds = moved.seconds(), 0
            while (left := limit - (moved.seconds() - start)) > 0:
                deadline = Deadline(min(left, 0.2))
                while not deadline.expired:
                    clock.wait(threading.Event(), deadline.remaining)
                rounds += 1
                assert rounds < 100
            assert moved.seconds() == pytest.approx(start + limit, abs=0.001)


def test_what_is_there_ends_a_skipped_wait_without_time() -> None:
    moved, event = MovableClock(running=False), threading.Event()
    event.set()
    with clock.using(moved), moved.skipping():
        assert clock.wait(event, LONG_S)
    assert moved.seconds() == 0.0


def test_a_wait_is_skipped_only_while_nothing_is_on_its_way() -> None:
    moved, event, looks = MovableClock(running=False), threading.Event(), []

    def idle() -> bool:
        looks.append(1)
        if len(looks) == 3:
            event.set()
        return len(looks) > 3

    with clock.using(moved), moved.skipping(idle):
        assert clock.wait(event, LONG_S)
        assert moved.seconds() == 0.0


def test_a_pause_is_skipped_and_a_wait_is_not() -> None:
    moved, event, looks = MovableClock(running=False), threading.Event(), []

    def idle() -> bool:
        looks.append(moved.seconds())
        return len(looks) > 1

    with clock.using(moved), moved.skipping_pauses(idle):
        pause(LONG_S)
        assert moved.seconds() == LONG_S
        thread = threading.Thread(target=event.set)
        thread.start()
        assert clock.wait(event, LONG_S)
    thread.join()
    # Asked before the pause until it was true, and not for the wait.
    assert looks == [0.0, 0.0]
    assert moved.seconds() == LONG_S


def test_a_block_that_skips_within_another_leaves_the_outer_one_as_it_was() -> None:
    moved, event = MovableClock(running=False), threading.Event()
    with clock.using(moved), moved.skipping():
        with moved.skipping(event.is_set):
            event.set()
            pause(1.0)
        pause(LONG_S)
    assert moved.seconds() == LONG_S + 1.0


def test_what_is_to_be_called_later_is_called_at_its_time() -> None:
    moved, calls = MovableClock(running=False), list[tuple[str, float]]()

    def note(name: str) -> None:
        calls.append((name, moved.seconds()))
        if name == "first":
            moved.call_later(0.5, lambda: note("third"))

    moved.call_later(2.0, lambda: note("second"))
    moved.call_later(1.75, lambda: note("first"))
    moved.advance(1.5)
    assert calls == []
    moved.advance(1.0)
    assert calls == [("first", 1.75), ("second", 2.0), ("third", 2.25)]
    assert moved.seconds() == 2.5


def test_a_wait_that_is_skipped_ends_by_what_is_called_meanwhile() -> None:
    moved, event = MovableClock(running=False), threading.Event()
    moved.call_later(2.0, event.set)
    with clock.using(moved), moved.skipping():
        assert not clock.wait(event, 1.5)
        assert clock.wait(event, LONG_S)
    assert moved.seconds() == 2.0


def test_a_wait_in_real_time_calls_what_is_due() -> None:
    moved, event = MovableClock(), threading.Event()
    moved.call_later(0.01, event.set)
    assert moved.wait(event, LONG_S)


def test_a_clock_cannot_go_back() -> None:
    with pytest.raises(ValueError, match=r"^A clock cannot go back; it was asked to advance by -1 seconds\.$"):
        MovableClock().advance(-1)


def test_a_wait_on_a_clock_that_stands_still_fails() -> None:
    with pytest.raises(RuntimeError, match=r"^A wait of 5 s hangs: the clock has stood still for 0\.01 s\.$"):
        MovableClock(running=False, still_s=0.01).wait(threading.Event(), 5.0)
