"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_jumpstarter.durations import duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (timedelta(minutes=3), 180),
        (90, 90),
        (0.5, 0.5),
        ("90", 90),
        ("1.5", 1.5),
        ("30 min", 1800),
        ("1h30m", 5400),
        ("1 hour 30 minutes", 5400),
        ("2 D", 172800),
        ("250 ms", 0.25),
    ],
)
def test_a_length_of_time_is_read(value: object, seconds: float) -> None:
    assert duration(value, "lease_timeout") == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "soon", "5 parsecs", "-3", "1h-30m", True, None, [1]])
def test_what_is_none_is_told(value: object) -> None:
    with pytest.raises(ValueError, match="is no length of time") as caught:
        duration(value, "lease_timeout")
    assert str(caught.value) == (
        f"lease_timeout: {value!r} is no length of time. Give a timedelta, a number of seconds, or text such as "
        f"'30 min' or '1h30m'."
    )


@pytest.mark.parametrize("value", [0, "0 s", timedelta(-1), "366 days", float("nan"), float("inf")])
def test_what_nobody_can_mean_is_told(value: object) -> None:
    with pytest.raises(ValueError, match="has to be longer than nothing") as caught:
        duration(value, "lease_duration")
    assert str(caught.value) == f"lease_duration: {value} has to be longer than nothing and at most 365 days."
