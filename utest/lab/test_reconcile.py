"""Reconciliation: the decision order, conditions, ends, and who is looked at again when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.policies import AccessRule, ExporterAccessPolicy
from JumpstarterLibrary.lab.reconcile import next_look

START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def conditions(lease: Any) -> list[tuple[str, str, str]]:
    return [(one.type, one.status, one.reason) for one in lease.conditions]


def since(lease: Any) -> list[int]:
    return [one.lastTransitionTime.seconds - int(START.timestamp()) for one in lease.conditions]


# Finding an exporter


def test_a_free_exporter_is_assigned(lab: Any) -> None:
    lab.exporter("board1").come()
    peer = lab.client()
    peer.create(name="mine")
    lease = peer.until("mine", "Ready", "Ready")
    assert conditions(lease) == [("Ready", "True", "Ready")]
    assert lease.conditions[0].message == "The lease has exporter board1."
    assert lease.conditions[0].observedGeneration == 1
    assert lease.exporter == "namespaces/default/exporters/board1"
    assert lease.effective_begin_time.ToDatetime(UTC) == START
    assert lease.HasField("effective_duration")
    assert not lease.HasField("effective_end_time")
    assert lab.controller.journal.open["leases"] == 1


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        ({"selector": "", "exporter_name": "other"}, "ExporterNotFound", "There is no exporter other."),
        (
            {"selector": "board=rpi5", "exporter_name": "board1"},
            "SelectorMismatch",
            "The labels of exporter board1 do not match board=rpi5.",
        ),
        ({"selector": "", "exporter_name": "broken"}, "ExporterDisabled", "Exporter broken is disabled."),
        ({"selector": "state=bad"}, "AllDisabled", "All exporters that match the selector are disabled (1)."),
        (
            {"selector": "board=none"},
            "NoAccess",
            "0 exporters match the selector, and no policy lets alice have one.",
        ),
    ],
)
def test_what_cannot_be_is_refused_for_good(
    lab: Any, eventually: Any, fields: dict[str, str], reason: str, message: str
) -> None:
    lab.exporter("board1").come()
    lab.exporter("broken", {"state": "bad"}, enabled=False).come()
    peer = lab.client()
    peer.create(name="mine", **fields)
    lease = peer.until("mine", "Unsatisfiable", reason)
    # There is no Ready condition, and no end for what never began.
    assert conditions(lease) == [("Unsatisfiable", "True", reason)]
    assert lease.conditions[0].message == message
    assert not lease.HasField("effective_end_time")
    assert lease.exporter == ""
    eventually(lambda: peer.leases() == [])
    assert lab.controller.lease("mine").ended
    # Whatever comes later does not bring it back.
    lab.exporter("late", {"board": "none", "state": "bad"}).come()
    lab.controller.change_exporter("broken", enabled=True)
    peer.create("state=bad", name="next")
    peer.until("next", "Ready", "Ready")
    assert conditions(peer.get("mine")) == [("Unsatisfiable", "True", reason)]


def test_disabled_exporters_for_those_who_allow_them(lab: Any) -> None:
    lab.exporter("board1", enabled=False).come()
    peer = lab.client()
    peer.create(name="a", allow_disabled=True)
    assert peer.until("a", "Ready", "Ready").allow_disabled
    lab.exporter("board2", enabled=False).come()
    peer.create("", name="b", exporter_name="board2", allow_disabled=True)
    assert peer.until("b", "Ready", "Ready").exporter == "namespaces/default/exporters/board2"


def test_an_empty_selector_is_invalid(lab: Any) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create("a=b", name="mine", begin=START + HOUR)
    # Nobody can ask for this over the wire.
    record = lab.controller.state.leases["mine"]
    record.selector = type(record.selector)()
    lab.clock.advance(3600)
    lease = peer.until("mine", "Invalid", "InvalidSelector")
    assert conditions(lease) == [("Invalid", "True", "InvalidSelector")]
    assert lab.controller.lease("mine").ended


def test_policies_decide_before_anything_else_does(lab: Any) -> None:
    rule = AccessRule(["team=qa"], description="QA only", maximum_duration=HOUR)
    lab.controller.add_policy(ExporterAccessPolicy("board=rpi4", [rule]))
    lab.exporter("board1")
    qa, ops = lab.client("qa", {"team": "qa"}), lab.client("ops", {"team": "ops"})
    qa.create(name="a", seconds=3600)
    qa.until("a", "Pending", "Offline")
    qa.create(name="b", seconds=3601)
    assert qa.until("b", "Unsatisfiable", "NoAccess").conditions[0].message == (
        "1 exporters match the selector, and no policy lets qa have one. Policies: QA only"
    )
    ops.create(name="c")
    ops.until("c", "Unsatisfiable", "NoAccess")
    lab.controller.clear_policies()
    ops.create(name="d")
    ops.until("d", "Pending", "Offline")


def test_offline_then_taken_then_not_ready_then_ready(lab: Any) -> None:
    exporter = lab.exporter("board1")
    alice, bob = lab.client("alice"), lab.client("bob")
    alice.create(name="first")
    lease = alice.until("first", "Pending", "Offline")
    assert lease.conditions[0].message == "None of 1 exporters that would do (e.g. ) is online."
    lab.clock.advance(3)
    exporter.come()
    lease = alice.until("first", "Ready", "Ready")
    assert conditions(lease) == [("Pending", "True", "Offline"), ("Ready", "True", "Ready")]
    assert since(lease) == [0, 3]
    exporter.report("LEASE_READY")
    bob.create(name="second")
    lease = bob.until("second", "Pending", "NotAvailable")
    assert lease.conditions[0].message == "All of 1 exporters that would do (e.g. ) are leased."
    lab.clock.advance(7)
    alice.delete("first")
    lease = bob.until("second", "Pending", "NotReady")
    assert lease.conditions[0].message == "None of 1 free exporters is ready, e.g. board1."
    # A new reason does not count as a change.
    assert since(lease) == [3]
    exporter.report("AVAILABLE")
    lease = bob.until("second", "Ready", "Ready")
    # Pending is never taken back.
    assert conditions(lease) == [("Pending", "True", "NotReady"), ("Ready", "True", "Ready")]
    bob.delete("second")
    lease = bob.until("second", "Ready", "Released")
    assert conditions(lease) == [("Pending", "True", "NotReady"), ("Ready", "False", "Released")]
    assert conditions(alice.get("first")) == [("Pending", "True", "Offline"), ("Ready", "False", "Released")]


@pytest.mark.parametrize("status", ["BEFORE_LEASE_HOOK_FAILED", "AFTER_LEASE_HOOK", "LEASE_READY"])
def test_only_available_exporters_are_leased(lab: Any, status: str) -> None:
    exporter = lab.exporter().come(status)
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Pending", "NotReady")
    exporter.report("UNSPECIFIED")
    peer.until("mine", "Ready", "Ready")


def test_an_exporter_without_drivers_counts_as_offline(lab: Any) -> None:
    exporter = lab.exporter()
    exporter.register(reports=0)
    exporter.report("AVAILABLE")
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Pending", "Offline")
    exporter.register()
    peer.until("mine", "Ready", "Ready")


def test_very_old_controllers_have_another_word_for_offline(serve: Any) -> None:
    lab = serve(features=ControllerFeatures(no_exporter_reason=True))
    lab.exporter()
    peer = lab.client()
    peer.create(name="mine")
    assert conditions(peer.until("mine", "Unsatisfiable", "NoExporter")) == [("Unsatisfiable", "True", "NoExporter")]


def test_the_best_exporter_comes_first(lab: Any) -> None:
    rules = {"a": 1, "b": 5, "c": 5, "d": 2}
    for name, priority in rules.items():
        policy = ExporterAccessPolicy(f"name={name}", [AccessRule(priority=priority)])
        lab.controller.add_policy(policy)
        lab.exporter(name, {"name": name, "board": "rpi4"}).come()
    peer = lab.client()
    taken = []
    for number in range(4):
        peer.create(name=f"lease{number}")
        taken.append(peer.until(f"lease{number}", "Ready", "Ready").exporter[-1])
    assert taken == ["b", "c", "d", "a"]
    assert lab.controller.lease("lease0").priority == 5


def test_spot_access_is_refused(lab: Any) -> None:
    lab.controller.add_policy(ExporterAccessPolicy("board=rpi4", [AccessRule(priority=9, spot_access=True)]))
    lab.controller.add_policy(ExporterAccessPolicy("board=rpi5", [AccessRule()]))
    lab.exporter("spot", {"board": "rpi4"}).come()
    lab.exporter("plain", {"board": "rpi5"}).come()
    peer = lab.client()
    peer.create("board in (rpi4,rpi5)", name="a")
    assert peer.until("a", "Ready", "Ready").exporter.endswith("/plain")
    peer.create("board=rpi4", name="b")
    peer.until("b", "Unsatisfiable", "SpotAccess")


def test_a_spot_lease_keeps_its_exporter_for_now(lab: Any) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="spot")
    peer.until("spot", "Ready", "Ready")
    lab.controller.state.leases["spot"].spot = True
    peer.create(name="mine")
    lease = peer.until("mine", "Pending", "NotAvailable")
    assert lease.conditions[0].message == "Spot lease spot still has board1."


# Times


def test_scheduled_leases_have_no_conditions_before_they_begin(lab: Any) -> None:
    staying = lab.exporter().come().status()
    peer = lab.client()
    peer.create(name="mine", seconds=60, begin=START + HOUR)
    peer.create(name="now", seconds=3600)
    peer.until("now", "Ready", "Ready")
    assert next(staying) is not None
    assert conditions(peer.get("mine")) == []
    lab.clock.advance(3600)
    lease = peer.until("mine", "Ready", "Ready")
    staying.cancel()
    assert lease.effective_begin_time.ToDatetime(UTC) == START + HOUR


@pytest.mark.parametrize(
    ("times", "end"),
    [
        ({"seconds": 60}, None),
        ({"seconds": 100, "begin": START + timedelta(seconds=10)}, 110),
        ({"seconds": None, "begin": START, "end": START + timedelta(seconds=80)}, 80),
        ({"seconds": 30, "end": START + timedelta(seconds=90)}, 90),
    ],
)
def test_expiry_to_the_second(lab: Any, times: dict[str, Any], end: int | None) -> None:
    """The exporter comes 50 seconds late: what was scheduled ends when planned all the same."""
    exporter = lab.exporter()
    peer = lab.client()
    peer.create(name="mine", **times)
    lab.clock.advance(50)
    exporter.come()
    lab.clock.advance(10)
    lease = peer.until("mine", "Ready", "Ready")
    begun = (lease.effective_begin_time.ToDatetime(UTC) - START).total_seconds()
    end = begun + 60 if end is None else end
    lab.clock.advance(end - 1 - lab.clock.seconds())
    peer.exporters()
    assert conditions(peer.get("mine"))[-1] == ("Ready", "True", "Ready")
    lab.clock.advance(1)
    lease = peer.until("mine", "Ready", "Expired")
    assert conditions(lease)[-1] == ("Ready", "False", "Expired")
    assert (lease.effective_end_time.ToDatetime(UTC) - START).total_seconds() == end
    assert lease.exporter == "namespaces/default/exporters/board1"


def test_waiting_leases_never_expire(lab: Any) -> None:
    lab.exporter()
    peer = lab.client()
    peer.create(name="mine", seconds=10)
    peer.until("mine", "Pending", "Offline")
    lab.clock.advance(100_000)
    peer.create(name="other")
    peer.until("other", "Pending", "Offline")
    assert conditions(peer.get("mine")) == [("Pending", "True", "Offline")]


def test_times_are_stored_in_whole_seconds(serve: Any) -> None:
    lab = serve(clock=Clock(scale=0, start=START + timedelta(seconds=0.9)))
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine", seconds=1)
    lease = peer.until("mine", "Ready", "Ready")
    assert lease.effective_begin_time.ToDatetime(UTC) == START
    # A second later by the stored times, and a tenth by the clock.
    lab.clock.advance(0.1)
    lease = peer.until("mine", "Ready", "Expired")
    assert lease.effective_end_time.ToDatetime(UTC) == START + timedelta(seconds=1)


def test_elapsed_time(lab: Any) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Ready", "Ready")
    lab.clock.advance(12.5)
    assert peer.get("mine").effective_duration.ToTimedelta() == timedelta(seconds=12.5)


def test_a_scaled_clock(serve: Any) -> None:
    lab = serve()
    staying = lab.exporter().come().status()
    assert next(staying) is not None
    peer = lab.client()
    lab.clock.scale = 1000
    peer.create(name="mine", seconds=30)
    peer.until("mine", "Ready", "Expired")
    staying.cancel()


def test_assignment_can_be_slow(serve: Any) -> None:
    lab = serve(assignment_delay=5)
    exporter = lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine")
    # Not even events of the exporter make it quicker.
    exporter.report("UNSPECIFIED")
    exporter.report("AVAILABLE")
    lab.clock.advance(4)
    peer.exporters()
    assert conditions(peer.get("mine")) == []
    lab.clock.advance(1)
    peer.until("mine", "Ready", "Ready")
    lab.controller.set_assignment_delay(0)
    peer.create(name="next")
    peer.until("next", "Pending", "NotAvailable")


# Looking again


def test_the_pauses_between_two_looks() -> None:
    looks = [next_look(0)]
    for _ in range(8):
        looks.append(next_look(looks[-1]))
    assert looks == [1, 3, 7, 15, 31, 61, 91, 121, 151]
    assert next_look(0.5) == 1
    assert next_look(1.5) == 3
    assert next_look(10_000) == 10_021


def test_waiting_leases_are_looked_at_from_time_to_time(lab: Any) -> None:
    exporter = lab.exporter().come("LEASE_READY")
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Pending", "NotReady")
    # Nobody hears of this change.
    lab.controller.state.exporters["board1"].status = 0
    lab.clock.advance(1)
    peer.until("mine", "Ready", "Ready")
    assert exporter.name == "board1"


@pytest.mark.parametrize("change", ["label", "enable", "online"])
def test_changes_of_exporters_are_noticed_at_once(lab: Any, change: str) -> None:
    lab.exporter("busy").come("LEASE_READY")
    other = lab.exporter("other", {"board": "rpi5" if change == "label" else "rpi4"}, enabled=change != "enable")
    if change != "online":
        other.come()
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Pending", "NotReady")
    if change == "label":
        lab.controller.change_exporter("other", labels={"board": "rpi4"})
    elif change == "enable":
        lab.controller.change_exporter("other", enabled=True)
    else:
        other.come()
    assert peer.until("mine", "Ready", "Ready").exporter.endswith("/other")


def test_named_exporters_are_waited_for(lab: Any) -> None:
    exporter = lab.exporter().come()
    peer = lab.client()
    for name in ("first", "second"):
        peer.create("", name=name, exporter_name="board1")
    peer.until("second", "Pending", "NotAvailable")
    peer.delete("first")
    peer.until("second", "Ready", "Ready")
    assert exporter.name == "board1"


# Ends, and what becomes of exporters


def test_an_exporter_hears_that_it_is_idle_between_two_leases(lab: Any) -> None:
    exporter = lab.exporter().come()
    peer = lab.client()
    watching = exporter.status()
    peer.create(name="first")
    peer.create(name="second")
    peer.until("second", "Pending", "NotAvailable")
    peer.delete("first")
    heard = [next(watching).lease_name for _ in range(4)]
    assert heard == ["", "first", "", "second"]
    watching.cancel()


def test_or_does_not_hear_it(serve: Any) -> None:
    lab = serve(features=ControllerFeatures(skip_idle=True))
    exporter = lab.exporter().come()
    peer = lab.client()
    watching = exporter.status()
    peer.create(name="first")
    peer.create(name="second")
    peer.until("second", "Pending", "NotAvailable")
    peer.delete("first")
    heard = [next(watching).lease_name for _ in range(3)]
    assert heard == ["", "first", "second"]
    watching.cancel()


def test_a_lease_goes_on_without_its_exporter(lab: Any, eventually: Any) -> None:
    exporter = lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine", seconds=3600)
    peer.until("mine", "Ready", "Ready")
    exporter.report("OFFLINE", "Exporter shutting down")
    exporter.unregister()
    eventually(lambda: not peer.exporter("board1").online)
    assert conditions(peer.get("mine")) == [("Ready", "True", "Ready")]
    lab.clock.advance(3600)
    peer.until("mine", "Ready", "Expired")


def test_leases_go_with_their_exporter(lab: Any, failing: Callable[..., Any]) -> None:
    lab.exporter("board1").come()
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Ready", "Ready")
    peer.create(name="waits")
    peer.until("waits", "Pending", "NotAvailable")
    lab.controller.remove_exporter("board1")
    assert failing(lambda: peer.get("mine")) == ("UNKNOWN", 'leases.jumpstarter.dev "mine" not found')
    peer.until("waits", "Unsatisfiable", "NoAccess")
    assert lab.controller.journal.open.get("leases", 0) == 0


def test_released_leases_of_the_past_do_not_free_what_others_hold(lab: Any) -> None:
    exporter = lab.exporter().come()
    peer = lab.client()
    peer.create(name="first")
    peer.until("first", "Ready", "Ready")
    lab.controller.expire("first")
    peer.until("first", "Ready", "Expired")
    peer.create(name="second")
    peer.until("second", "Ready", "Ready")
    exporter.release("first")
    peer.create(name="third")
    peer.until("third", "Pending", "NotAvailable")
    assert lab.controller.exporter("board1").lease == "second"
