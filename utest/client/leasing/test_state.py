"""What is read out of the controller's answers: conditions in the right order, the planned end, the time left."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.state import LeaseState, Phase
from JumpstarterLibrary.lab import Clock
from JumpstarterLibrary.protocol import client_pb2

BEGIN = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
MINUTE = datetime.timedelta(minutes=1)


def lease(*conditions: tuple[str, str, str], **times: Any) -> client_pb2.Lease:
    """Return a controller's answer with conditions of type, status and reason."""
    answer = client_pb2.Lease(name="namespaces/n/leases/x", client="namespaces/n/clients/c", selector="board=b")
    for kind, status, reason in conditions:
        answer.conditions.add(type=kind, status=status, reason=reason, message=f"{reason} it is.")
    for field, value in times.items():
        if isinstance(value, datetime.timedelta):
            getattr(answer, field).FromTimedelta(value)
        else:
            getattr(answer, field).FromDatetime(value)
    return answer


PENDING = ("Pending", "True", "NotAvailable")


@pytest.mark.parametrize(
    ("conditions", "phase", "reason"),
    [
        ([], Phase.waiting, ""),
        ([PENDING], Phase.waiting, "NotAvailable"),
        ([PENDING, ("Ready", "True", "Ready")], Phase.ready, "Ready"),
        ([("Ready", "True", "Ready"), PENDING], Phase.ready, "Ready"),
        ([PENDING, ("Ready", "False", "Released")], Phase.released, "Released"),
        ([PENDING, ("Ready", "False", "Expired")], Phase.expired, "Expired"),
        ([("Ready", "False", "Whatever")], Phase.released, "Whatever"),
        ([("Unsatisfiable", "True", "NoAccess")], Phase.unsatisfiable, "NoAccess"),
        ([PENDING, ("Unsatisfiable", "True", "SpotAccess")], Phase.unsatisfiable, "SpotAccess"),
        ([("Unsatisfiable", "True", "NoAccess"), ("Ready", "False", "Released")], Phase.unsatisfiable, "NoAccess"),
        ([("Unsatisfiable", "False", "NoAccess"), PENDING], Phase.waiting, "NotAvailable"),
        ([("Invalid", "True", "InvalidSelector")], Phase.invalid, "InvalidSelector"),
        ([("Pending", "False", "Offline")], Phase.waiting, ""),
        ([("Ready", "Unknown", "Soon"), PENDING], Phase.waiting, "NotAvailable"),
        ([("SomethingNew", "True", "New")], Phase.waiting, ""),
    ],
)
def test_readiness_counts_first_and_a_pending_that_nobody_took_back_last(
    conditions: list[tuple[str, str, str]], phase: Phase, reason: str
) -> None:
    state = LeaseState.of(lease(*conditions))
    assert (state.phase, state.reason) == (phase, reason)
    assert state.message == (f"{reason} it is." if reason else "")
    assert state.phase.over is (phase not in (Phase.waiting, Phase.ready))


def test_a_lease_that_begins_later_tells_when() -> None:
    state = LeaseState.of(lease(begin_time=BEGIN, duration=HOUR))
    assert (state.phase, state.reason) == (Phase.waiting, "Scheduled")
    assert state.message == "it begins at 2030-01-01 12:00:00+00:00"
    assert state.planned_end == BEGIN + HOUR
    assert state.time_left is None


@pytest.mark.parametrize(
    ("times", "end"),
    [
        ({"duration": HOUR}, None),
        ({"duration": HOUR, "effective_begin_time": BEGIN}, BEGIN + HOUR),
        # Acquired late: it ends with the time that was asked for, not later.
        ({"duration": HOUR, "begin_time": BEGIN - MINUTE, "effective_begin_time": BEGIN}, BEGIN + 59 * MINUTE),
        ({"duration": HOUR, "end_time": BEGIN + MINUTE, "effective_begin_time": BEGIN}, BEGIN + MINUTE),
        (
            {
                "duration": HOUR,
                "begin_time": BEGIN - 2 * HOUR,
                "end_time": BEGIN + MINUTE,
                "effective_begin_time": BEGIN,
            },
            BEGIN + MINUTE,
        ),
    ],
)
def test_the_planned_end_follows_what_was_fixed(times: dict[str, Any], end: datetime.datetime | None) -> None:
    assert LeaseState.of(lease(("Ready", "True", "Ready"), **times)).planned_end == end


def test_time_left_is_reckoned_by_the_controllers_clock_alone() -> None:
    # Years away from the clock of this machine.
    times = {"duration": HOUR, "effective_begin_time": BEGIN, "effective_duration": 20 * MINUTE}
    assert LeaseState.of(lease(("Ready", "True", "Ready"), **times)).time_left == 40 * MINUTE
    times["effective_duration"] = 2 * HOUR
    assert LeaseState.of(lease(("Ready", "True", "Ready"), **times)).time_left == datetime.timedelta(0)


def test_nothing_is_left_of_a_lease_that_is_over() -> None:
    over = lease(("Ready", "False", "Released"), duration=HOUR, effective_begin_time=BEGIN)
    assert LeaseState.of(over).time_left == datetime.timedelta(0)


def test_names_are_bare_and_no_selector_is_empty() -> None:
    answer = lease()
    answer.selector = "<none>"
    answer.exporter = "namespaces/n/exporters/e"
    answer.exporter_name = "e"
    answer.tags["job"] = "7"
    answer.context["why"] = "nightly"
    state = LeaseState.of(answer)
    assert (state.name, state.client, state.exporter, state.wanted_exporter) == ("x", "c", "e", "e")
    assert (state.selector, state.tags, state.context) == ("", {"job": "7"}, {"why": "nightly"})
    assert (state.begin, state.end) == (None, None)


@pytest.mark.parametrize("years", [-3, 3])
def test_a_controller_whose_clock_is_wrong_gives_the_right_time_left(rigs: Callable[..., Any], years: int) -> None:
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365 * years)
    rig = rigs(clock=Clock(scale=0, start=now))
    lease = rig.only_lease(duration=HOUR)
    rig.lab.clock.advance(600)
    left = lease.state().time_left
    assert left is not None
    assert 49 * MINUTE <= left <= 50 * MINUTE


def test_a_scheduled_lease_that_came_late_ends_as_planned(rigs: Callable[..., Any]) -> None:
    rig = rigs(clock=Clock(scale=0))
    holder = rig.only_lease(client="other", duration=HOUR)
    begin = rig.lab.clock.now().replace(microsecond=0) + 10 * MINUTE
    controller = rig.controller_of(rig.settings)
    controller.create_lease(LeaseRequest(selector="board=b", duration=HOUR, begin=begin), "late")
    assert (controller.lease("late").phase, controller.lease("late").reason) == (Phase.waiting, "Scheduled")
    rig.lab.clock.advance(1800)
    holder.release()
    deadline = datetime.datetime.now() + datetime.timedelta(seconds=5)
    while (state := controller.lease("late")).phase is not Phase.ready:
        assert datetime.datetime.now() < deadline
        rig.lab.clock.advance(1)
    assert state.begin is not None
    assert state.begin > begin
    assert state.planned_end == begin + HOUR
    rig.lab.clock.advance(3600)
    controller.delete_lease("late")
