"""`eventually`, upstream's helper."""

from __future__ import annotations

import time

import pytest
from pytest_jumpstarter.eventually import eventually


def test_it_returns_as_soon_as_nothing_is_raised() -> None:
    outcomes = iter([False, False, True])

    def check() -> str:
        assert next(outcomes)
        return "done"

    assert eventually(check, timeout=5, interval=0.001) == "done"


def test_it_raises_the_last_error_when_the_time_is_over() -> None:
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        raise LookupError(len(calls))

    begin = time.monotonic()
    with pytest.raises(LookupError) as caught:
        eventually(check, timeout=0.05, interval=10)
    assert caught.value.args == (2,)
    assert time.monotonic() - begin < 1


def test_an_interruption_is_not_waited_out() -> None:
    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eventually(check)
