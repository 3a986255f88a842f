"""Deadlines, watchdogs, and time in words."""

from __future__ import annotations

import datetime
import threading
import time

import pytest

from JumpstarterLibrary.client.deadline import Deadline, Watchdog, seconds, spoken


def test_no_limit() -> None:
    deadline = Deadline(None)
    assert (deadline.timeout, deadline.remaining, deadline.expired, deadline.at_most(3)) == (None, None, False, 3)


@pytest.mark.parametrize("timeout", [60, 60.0, datetime.timedelta(minutes=1)])
def test_a_limit(timeout: float | datetime.timedelta) -> None:
    deadline = Deadline(timeout)
    assert deadline.timeout == 60
    assert deadline.remaining is not None
    assert 59 < deadline.remaining <= 60
    assert not deadline.expired
    assert deadline.at_most(1) == 1
    assert 59 < deadline.at_most(100) <= 60


@pytest.mark.parametrize("timeout", [0, -5])
def test_a_limit_that_is_over(timeout: float) -> None:
    deadline = Deadline(timeout)
    assert (deadline.remaining, deadline.expired, deadline.at_most(1)) == (0, True, 0)


def test_one_that_runs_is_shared() -> None:
    deadline = Deadline(5)
    assert Deadline.of(deadline) is deadline
    assert Deadline.of(5).timeout == 5


def test_seconds_from_now() -> None:
    assert seconds(None) is None
    assert seconds(2.5) == 2.5
    assert seconds(datetime.timedelta(milliseconds=1500)) == 1.5
    left = seconds(Deadline(10))
    assert left is not None
    assert 9 < left <= 10


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 milliseconds"),
        (0.25, "250 milliseconds"),
        (0.9997, "1 second"),
        (1, "1 second"),
        (1.5, "1.5 seconds"),
        (30, "30 seconds"),
        (60, "60 seconds"),
        (90, "90 seconds"),
        (120, "2 minutes"),
        (600, "10 minutes"),
        (1800.0, "30 minutes"),
        (125, "125 seconds"),
    ],
)
def test_time_in_words(value: float, text: str) -> None:
    assert spoken(value) == text


def test_a_watchdog_barks_once() -> None:
    barked = threading.Event()
    barks: list[int] = []

    def bark() -> None:
        barks.append(1)
        barked.set()

    with Watchdog(0.01, bark) as watchdog:
        assert barked.wait(10)
    assert (watchdog.barked, barks) == (True, [1])


def test_a_watchdog_that_is_left_in_time_stays_quiet() -> None:
    barks: list[int] = []
    with Watchdog(60, lambda: barks.append(1)) as watchdog:
        pass
    assert (watchdog.barked, barks) == (False, [])


def test_a_watchdog_that_is_not_armed_stays_quiet_and_starts_no_thread() -> None:
    before = threading.active_count()
    with Watchdog(0.0, lambda: None, armed=False) as watchdog:
        watchdog.feed()
        assert threading.active_count() == before
    assert not watchdog.barked


def test_armed_after_it_was_left_it_stays_quiet() -> None:
    watchdog = Watchdog(0.0, lambda: None, armed=False)
    with watchdog:
        pass
    watchdog.arm()
    assert not watchdog.barked


def test_feeding_it_gives_new_patience() -> None:
    barked = threading.Event()
    begin = time.monotonic()
    with Watchdog(0.3, barked.set, armed=False) as watchdog:
        watchdog.arm()
        while time.monotonic() - begin < 0.4:
            watchdog.feed()
            assert not barked.wait(0.01)
        assert barked.wait(10)
