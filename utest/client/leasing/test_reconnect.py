"""How patiently a lost exporter is looked for."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.events import Event, Events, Notice
from JumpstarterLibrary.client.leasing.reconnect import TELL_S, ReconnectPolicy
from JumpstarterLibrary.errors import (
    ControllerUnreachable,
    ExporterOffline,
    InfrastructureError,
    LeaseExpired,
    OperationTimeout,
)

WHICH = "exporter 'b1' of lease 'x'"


class Bench:
    """A search, what the controller does, and what was told."""

    def __init__(self, usual_s: float = 0.1) -> None:
        self.answering = False
        self.asked: list[float] = []
        self.told: list[str] = []
        events = Events()
        events.subscribe(self._note)
        self.search = ReconnectPolicy(WHICH, events, self._answers, usual_s=usual_s, progress_s=0.0)

    def _answers(self, seconds: float) -> bool:
        self.asked.append(seconds)
        return self.answering

    def _note(self, event: Event) -> None:
        assert isinstance(event, Notice)
        assert event.console
        self.told.append(event.text)

    def look(self, error: InfrastructureError | None = None) -> float | None:
        """Look for the exporter, in vain or not; return the seconds that there were."""
        timeout: float | None = None
        with self.search.once("it was cut", 60.0) as deadline:
            timeout = deadline.timeout
            self.last = timeout
            if error is not None:
                raise error
        return timeout

    def fails(self, error: InfrastructureError) -> tuple[str, float | None]:
        with pytest.raises(type(error)) as info:
            self.look(error)
        return str(info.value), self.last


GONE = ControllerUnreachable("The controller is gone.")


def test_what_is_found_is_looked_for_patiently_again() -> None:
    bench = Bench()
    assert [bench.look(), bench.look()] == [60.0, 60.0]
    assert bench.asked == []


def test_what_was_looked_for_in_vain_is_looked_for_briefly() -> None:
    bench = Bench()
    assert bench.fails(GONE) == ("The controller is gone.", 60.0)
    later = f"The {WHICH} was lost and looked for in vain before, and was not found within 1 second now: "
    for _ in range(2):
        assert bench.fails(GONE) == (f"{later}The controller is gone.", 1.0)
    assert bench.fails(ExporterOffline("It is offline.")) == (f"{later}It is offline.", 1.0)
    # Found in that second: then all is as before.
    assert bench.look() == 1.0
    assert bench.look() == 60.0


def test_that_a_second_was_not_enough_says_less_than_the_reason_before() -> None:
    bench = Bench()
    bench.fails(GONE)
    with pytest.raises(ControllerUnreachable) as info:
        bench.look(OperationTimeout("It did not answer within 1 second."))
    assert str(info.value).endswith("was not found within 1 second now: The controller is gone.")


def test_a_controller_that_is_back_is_worth_patience() -> None:
    bench = Bench()
    bench.fails(GONE)
    bench.answering = True
    assert bench.fails(ExporterOffline("It is offline.")) == ("It is offline.", 60.0)
    # It answered already when that was in vain, so that nothing has changed.
    assert bench.fails(ExporterOffline("It is offline."))[1] == 1.0


def test_an_end_is_told_as_it_is() -> None:
    bench = Bench()
    bench.fails(GONE)
    assert bench.fails(LeaseExpired("The lease is over."))[0] == "The lease is over."


@pytest.mark.parametrize(("usual_s", "probe_s"), [(0.0, 1.0), (0.4, 1.0), (1.5, 3.0), (90.0, 5.0)])
def test_a_slow_way_gets_more_than_a_second(usual_s: float, probe_s: float) -> None:
    bench = Bench(usual_s)
    bench.fails(GONE)
    assert bench.fails(GONE)[1] == probe_s


def test_the_wait_is_told_when_it_is_long(frozen_clock: MovableClock) -> None:
    bench = Bench()
    with bench.search.once("it was cut", 60.0):
        frozen_clock.advance(TELL_S - 0.1)
        bench.search.tell()
        assert bench.told == []
        frozen_clock.advance(0.1)
        bench.search.tell()
        assert bench.told == [
            f"Looking for {WHICH} again since 2 seconds, for at most 60 seconds, because its tunnel broke: it was cut."
        ]
