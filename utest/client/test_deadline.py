"""Deadlines, watchdogs, and time in words."""

from __future__ import annotations

import ast
import datetime
import threading
import time
from pathlib import Path

import pytest

from JumpstarterLibrary.client.deadline import Deadline, Watchdog, format_duration, seconds


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


def test_a_step_has_its_own_limit_where_that_ends_first() -> None:
    step = Deadline(60).within(5)
    assert step.timeout == 5
    assert step.remaining is not None
    assert 4 < step.remaining <= 5
    assert Deadline(None).within(5).timeout == 5
    assert Deadline(60).within(0).expired


@pytest.mark.parametrize("asked", [0.3, 0, 4.9])
def test_a_step_that_ends_with_the_whole_tells_what_was_asked_for(asked: float) -> None:
    whole = Deadline(asked)
    step = whole.within(5)
    assert step is whole
    assert step.within(5).within(10).timeout == asked


def test_a_step_gets_a_least_time() -> None:
    over = Deadline(0)
    assert over.within(5, least=1).timeout == 1
    assert Deadline(60).within(5, least=1).timeout == 5
    assert Deadline(3).within(5, least=1).timeout == 3
    assert Deadline(60).within(0.5, least=1).timeout == 1


def test_no_limit_is_made_of_what_a_clock_has_left_of_another() -> None:
    """A deadline tells what it was made of; see ``within``."""
    root = Path(__file__).parents[2]
    product = [*root.glob("JumpstarterLibrary/**/*.py"), *root.glob("shim/**/*.py")]
    wrong = {
        (path.relative_to(root).as_posix(), ast.unparse(call))
        for path in product
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).endswith(("Deadline", "Deadline.of", "spoken", "timedelta"))
        if any(isinstance(part, ast.Attribute) and part.attr in ("at_most", "remaining") for part in ast.walk(call))
    }
    # Never told: it is longer than what was asked for.
    allowed = {"Deadline(deadline.at_most(LONGEST_S) + LAST_WORDS_S)"}
    assert len(product) > 100
    assert {place for place in wrong if place[1] not in allowed} == set()


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
        (3600, "60 minutes"),
        (7200, "2 hours"),
        (7260, "121 minutes"),
        (400 * 86400, "400 days"),
        (-90, "-90 seconds"),
        (125, "125 seconds"),
    ],
)
def test_time_in_words(value: float, text: str) -> None:
    assert format_duration(value) == text


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
