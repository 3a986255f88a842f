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
        ("PT1H30M", 5400),
    ],
)
def test_a_length_of_time_is_read(value: object, seconds: float) -> None:
    assert duration(value, "lease_timeout") == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *((text, repr(text)) for text in ("", "soon", "5 parsecs", "-3", "1h-30m", "0 s", "366 days")),
        *((number, f"{number:g}") for number in (0, -1, float("nan"), float("inf"))),
        (timedelta(-1), "-1 day, 0:00:00"),
        (True, "true or false"),
        (None, "nothing"),
        ([1], "a list"),
    ],
)
def test_a_value_that_cannot_be_is_refused(value: object, found: str) -> None:
    with pytest.raises(ValueError, match="must be a length of time") as caught:
        duration(value, "lease_timeout")
    assert str(caught.value) == (
        f"lease_timeout: it must be a length of time above 0 seconds, at most 365 days, such as 90 (seconds), "
        f"'500 ms', '1h30m' or 'PT1H30M', not {found}."
    )
