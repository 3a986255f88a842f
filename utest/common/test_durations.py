"""Lengths of time as users write them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from JumpstarterLibrary.common.durations import parse_duration, read_duration
from JumpstarterLibrary.common.values import InvalidValue


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
        ("1 day 2 hours", 93600.0),
        ("1:30:00", 5400.0),
        ("01:30", 90.0),
        ("PT1H30M", 5400.0),
        ("P1DT0.5S", 86400.5),
        ("pt5m", 300.0),
        ("P1W", 604800.0),
        ("10 secs", 10.0),
    ],
)
def test_a_length_of_time_is_parsed(value: object, seconds: float) -> None:
    assert parse_duration(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "soon",
        "-3 s",
        "5 parsecs",
        "1h-30m",
        "P",
        "PT",
        "P1DT",
        "P1Y",
        "P1M",
        "1:2:3:4",
        "1.2.3",
        True,
        None,
        [1],
        b"1 s",
    ],
)
def test_what_is_no_length_of_time_is_none(value: object) -> None:
    assert parse_duration(value) is None


RANGE = "a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M'"
LONGER = RANGE.replace("'500 ms', ", "")


@pytest.mark.parametrize(
    ("value", "limits", "needed", "found"),
    [
        ("soon", {}, RANGE, "'soon'"),
        (None, {}, RANGE, "nothing"),
        (True, {}, RANGE, "true or false"),
        ([1], {}, RANGE, "a list"),
        (-1, {}, RANGE, "-1"),
        (math.inf, {}, RANGE, "inf"),
        (math.nan, {}, RANGE, "nan"),
        (10**400, {}, RANGE, "a number that is too large"),
        ("366 d", {}, RANGE, "'366 d'"),
        (timedelta(days=-1), {}, RANGE, "-1 day, 0:00:00"),
        ("x" * 12, {}, RANGE, f"'{'x' * 12}'"),
        ("x" * 13, {}, RANGE, "this text"),
        ("1000 days 23 hours", {}, RANGE, "'1000 days 23 hours'"),
        ("9" * 99, {}, RANGE, f"'{'9' * 40}…'"),
        (0, {"positive": True}, RANGE.replace("from 0 seconds to", "above 0 seconds, at most"), "0"),
        (4, {"least": 5}, LONGER.replace("from 0", "from 5"), "4"),
        (1.5, {"whole": True}, LONGER.replace("time from", "time in whole seconds from"), "1.5"),
        ("2 d", {"most": 86400}, RANGE.replace("365", "1"), "'2 d'"),
    ],
)
def test_the_same_words_refuse_it_everywhere(value: object, limits: dict[str, Any], needed: str, found: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_duration(value, **limits)
    assert str(caught.value) == f"must be {needed}, not {found}"


def test_what_fits_is_seconds() -> None:
    assert read_duration("2 h") == 7200.0
    assert read_duration(0) == 0.0
    assert read_duration("5 s", least=5, whole=True) == 5.0
    assert read_duration(timedelta(seconds=2), positive=True) == 2.0
