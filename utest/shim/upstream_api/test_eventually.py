"""`eventually`, upstream's helper."""

from __future__ import annotations

import pytest
from pytest_jumpstarter.upstream_api.eventually import eventually

from JumpstarterLibrary.client.clock import MovableClock


def test_it_returns_as_soon_as_nothing_is_raised() -> None:
    outcomes = iter([False, False, True])

    def check() -> str:
        assert next(outcomes)
        return "done"

    assert eventually(check, timeout=5, interval=0.001) == "done"


def test_it_raises_the_last_error_when_the_time_is_over(frozen_clock: MovableClock) -> None:
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        raise LookupError(len(calls))

    with frozen_clock.skipping_pauses(), pytest.raises(LookupError) as caught:
        eventually(check, timeout=5, interval=100)
    assert caught.value.args == (2,)
    assert frozen_clock.seconds() == 5


def test_an_interruption_is_not_waited_out() -> None:
    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eventually(check)
