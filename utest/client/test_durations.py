"""Lengths of time as users write them."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from JumpstarterLibrary.client.boot.reading import Unfit, duration
from JumpstarterLibrary.client.durations import parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (timedelta(minutes=3), 180.0),
        (90, 90.0),
        (-0.5, -0.5),
        ("90", 90.0),
        ("2 min", 120.0),
        ("2 mins 10 secs", 130.0),
        ("1h30m", 5400.0),
        (" .5s ", 0.5),
        ("250 millis", 0.25),
    ],
)
def test_a_length_of_time_is_parsed(value: object, seconds: float) -> None:
    assert parse_duration(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", " ", "soon", "-3 s", "5 parsecs", "1h-30m", True, None, [1], b"1 s"])
def test_what_is_no_length_of_time_is_none(value: object) -> None:
    assert parse_duration(value) is None


@pytest.mark.parametrize(("value", "seconds"), [("2 h", 7200.0), ("1h30m", 5400.0), (timedelta(seconds=2), 2.0)])
def test_a_file_may_have_hours(value: object, seconds: float) -> None:
    assert duration(value) == seconds


@pytest.mark.parametrize("value", ["soon", -1, math.inf, math.nan])
def test_a_file_with_another_value_is_told_what_is_needed(value: object) -> None:
    with pytest.raises(Unfit) as caught:
        duration(value)
    assert str(caught.value) == (
        f"a length of time is a number of seconds, or a text such as 100 ms or 1h30m, not {value!r}"
    )
