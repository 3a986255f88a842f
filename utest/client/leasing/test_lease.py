"""A lease in use: what is learned of it, extending it, transferring it, and its certain end."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.lease import LATE_CREATION_S, RELEASE_S, Lease, end_error, local_time
from JumpstarterLibrary.client.leasing.state import LeaseState
from JumpstarterLibrary.errors import (
    ControllerUnreachable,
    LeaseError,
    LeaseInvalid,
    LeaseReleased,
    LeaseTransferred,
    NoSuchLease,
    UsageError,
)
from JumpstarterLibrary.lab import Clock
from JumpstarterLibrary.protocol import client_pb2

Code = grpc.StatusCode
MINUTE = datetime.timedelta(minutes=1)
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]


def command(name: str) -> str:
    return f"Free it with: jmp delete leases {name}"


# Releasing


def test_releasing_twice_is_one_call(rig: Any) -> None:
    lease = rig.only_lease()
    assert lease.release() is True
    assert lease.release() is True
    assert rig.codes("DeleteLease") == ["OK"]
    assert rig.notices == []
    with pytest.raises(LeaseReleased, match=r"^Lease 'lease-of-tester' was released by this run\.$"):
        lease.check()


def test_threads_that_release_at_once_all_succeed(rig: Any, during: During) -> None:
    lease = rig.only_lease()
    assert all(join() for join in [during(lease.release) for _ in range(8)])
    assert rig.codes("DeleteLease") == ["OK"]


@pytest.mark.parametrize("act", ["release", "expire", "transfer", "remove"])
def test_what_is_over_or_somebody_elses_needs_no_release(rig: Any, act: str) -> None:
    lease = rig.only_lease()
    acts: dict[str, Callable[[], None]] = {
        "release": lambda: rig.lab.controller.release(lease.name),
        "expire": lambda: rig.lab.controller.expire(lease.name),
        "transfer": lambda: rig.lab.controller.transfer(lease.name, "other"),
        "remove": lambda: rig.lab.controller.remove_exporter("b1"),
    }
    acts[act]()
    assert lease.release() is True
    assert rig.notices == []
    if act == "transfer":
        assert rig.active() == [lease.name]
        rig.lab.controller.release(lease.name)
    rig.lab.exporters["b1"].crash()


@pytest.mark.parametrize("act", ["release", "expire", "transfer"])
def test_what_is_known_to_be_over_is_not_even_asked_for(rig: Any, act: str) -> None:
    lease = rig.only_lease()
    acts: dict[str, Callable[[], None]] = {
        "release": lambda: rig.lab.controller.release(lease.name),
        "expire": lambda: rig.lab.controller.expire(lease.name),
        "transfer": lambda: rig.lab.controller.transfer(lease.name, "other"),
    }
    acts[act]()
    while lease.ended is None:
        lease.state()
    fault = rig.fault("DeleteLease", code=Code.UNAUTHENTICATED, details="invalid jwt token")
    assert lease.release() is True
    assert fault.hits == 0
    assert lease.trouble == ""
    rig.lab.controller.release(lease.name)


def test_a_lease_of_somebody_else_is_never_released(rig: Any) -> None:
    own = rig.only_lease()
    attached = Lease(rig.controller_of(rig.settings), own.name, rig.events, ours=False)
    assert attached.release() is True
    assert rig.codes("DeleteLease") == []
    assert rig.active() == [own.name]


def test_a_lost_answer_is_no_failure(rig: Any) -> None:
    lease = rig.only_lease()
    rig.fault("DeleteLease", when="after", times=1)
    assert lease.release() is True
    assert rig.codes("DeleteLease") == ["UNAVAILABLE", "FAILED_PRECONDITION"]
    assert rig.notices == []


def test_a_controller_that_is_away_for_a_moment_is_waited_for(rig: Any) -> None:
    lease = rig.only_lease()
    rig.fault("DeleteLease", code=Code.UNAVAILABLE, details="no leader", times=3)
    assert lease.release() is True
    assert rig.codes("DeleteLease") == ["UNAVAILABLE"] * 3 + ["OK"]


def test_a_failure_names_the_lease_and_the_command(
    rig: Any, during: During, eventually: Eventually, frozen_clock: MovableClock
) -> None:
    lease = rig.only_lease()
    fault = rig.fault("DeleteLease", code=Code.UNAVAILABLE, details="no leader")
    join = during(lease.release)
    eventually(lambda: fault.hits)
    frozen_clock.advance(RELEASE_S)
    assert join() is False
    text = (
        f"Lease 'lease-of-tester' could not be released: The controller {rig.lab.endpoint} failed when it was asked "
        f"for the release of lease 'lease-of-tester': no leader. It lasts on, and exporter 'b1' is not free before it "
        f"ends. Free it with: jmp delete leases lease-of-tester"
    )
    assert rig.notices == [text]
    assert lease.trouble == text
    # It can be tried again, as at exit.
    fault.clear()
    assert lease.release() is True
    assert lease.trouble == ""
    assert rig.active() == []


def test_a_refusal_is_a_failure_at_once(rig: Any) -> None:
    lease = rig.only_lease()
    rig.fault("DeleteLease", code=Code.UNAUTHENTICATED, details="invalid jwt token", times=1)
    assert lease.release() is False
    assert rig.codes("DeleteLease") == ["UNAUTHENTICATED"]
    assert rig.notices == [
        f"Lease 'lease-of-tester' could not be released: The controller {rig.lab.endpoint} did not accept client "
        f"default/tester (the test): its token is not valid (invalid jwt token). Check namespace, name and token of "
        f"the client configuration, or log in again: `jmp login`. It lasts on, and exporter 'b1' is not free before it "
        f"ends. {command('lease-of-tester')}"
    ]


def test_a_closed_controller_is_a_failure_with_the_command(rig: Any) -> None:
    lease = rig.only_lease()
    lease.controller.close()
    assert lease.release() is False
    assert rig.notices == [
        "Lease 'lease-of-tester' could not be released: the connection to its controller is closed. It lasts on, and "
        f"exporter 'b1' is not free before it ends. {command('lease-of-tester')}"
    ]
    rig.lab.controller.release(lease.name)


def test_an_interrupted_release_is_done(rig: Any, alarm: Any, during: During, eventually: Eventually) -> None:
    lease = rig.only_lease()
    fault = rig.hold("DeleteLease", times=1)
    alarm.when(lambda: fault.hits)
    answered = during(lambda: eventually(lambda: alarm.count) or fault.clear())
    with pytest.raises(alarm.Interruption):
        lease.release()
    answered()
    assert rig.active() == []
    assert rig.codes("DeleteLease") == ["OK"]
    assert lease.release() is True
    assert rig.codes("DeleteLease") == ["OK"]
    with pytest.raises(LeaseReleased, match=r"^Lease 'lease-of-tester' was released by this run\.$"):
        lease.check()


def test_an_interrupted_release_that_fails_tells_so(
    rig: Any, alarm: Any, during: During, eventually: Eventually, frozen_clock: MovableClock
) -> None:
    lease = rig.only_lease()
    fault = rig.fault("DeleteLease", code=Code.UNAVAILABLE, details="no leader")
    alarm.when(lambda: fault.hits)
    late = during(lambda: eventually(lambda: alarm.count) or frozen_clock.advance(RELEASE_S))
    with pytest.raises(alarm.Interruption):
        lease.release()
    late()
    assert len(rig.notices) == 1
    assert rig.notices[0].endswith(command("lease-of-tester"))
    fault.clear()


def test_a_request_that_may_still_arrive_is_waited_for(
    rig: Any, during: During, eventually: Eventually, frozen_clock: MovableClock
) -> None:
    lease = Lease(rig.controller_of(rig.settings), "never-made", rig.events, ours=True)
    join = during(lease.release)

    def pass_between_calls() -> None:
        if all(call.code is not None for call in rig.calls("DeleteLease")):
            frozen_clock.advance(0.02)

    eventually(lambda: pass_between_calls() or lease.ended)
    assert join() is True
    assert frozen_clock.seconds() >= LATE_CREATION_S
    assert set(rig.codes("DeleteLease")) == {"UNKNOWN"}
    assert len(rig.codes("DeleteLease")) > 1
    assert rig.notices == []


def test_calls_in_flight_at_a_release_know_that_it_was_this_run(rig: Any) -> None:
    lease = rig.only_lease()
    controller, name = lease.controller, lease.name
    deleted = threading.Event()
    original = controller.delete_lease

    def delete(*arguments: Any) -> None:
        original(*arguments)
        # Somebody looks before the release is over.
        while not lease.state().phase.over:
            pass
        deleted.set()

    controller.delete_lease = delete  # type: ignore[method-assign]
    assert lease.release() is True
    assert deleted.is_set()
    with pytest.raises(LeaseReleased, match=rf"^Lease '{name}' was released by this run\.$"):
        lease.check()
    assert rig.notices == []


# What is learned


def test_an_end_is_told_once(rig: Any) -> None:
    lease = rig.only_lease()
    ends: list[str] = []
    lease.on_end(lambda: ends.append("end"))
    rig.lab.controller.transfer(lease.name, "other")
    lease.state()
    lease.state()
    text = (
        "Lease 'lease-of-tester' of exporter 'b1' was transferred to client 'other'. Ask its new owner, or acquire "
        "another lease."
    )
    assert rig.notices == [text]
    assert ends == ["end"]
    with pytest.raises(LeaseTransferred, match=f"^{text}$"):
        lease.check()
    rig.lab.controller.release(lease.name)


def test_a_transfer_of_a_lease_that_was_attached_to_is_noticed(rig: Any) -> None:
    own = rig.only_lease()
    attached = Lease(rig.controller_of(rig.settings), own.name, rig.events, ours=False)
    attached.state()
    rig.lab.controller.transfer(own.name, "other")
    attached.state()
    with pytest.raises(LeaseTransferred, match=r"^Lease 'lease-of-tester' of exporter 'b1' was transferred to client "):
        attached.check()
    rig.lab.controller.release(own.name)


def test_a_lease_that_is_gone_is_over(rig: Any) -> None:
    lease = rig.only_lease()
    rig.lab.controller.remove_exporter("b1")
    with pytest.raises(NoSuchLease) as info:
        lease.state()
    assert str(info.value).startswith(f"The controller {rig.lab.endpoint} knows nothing of lease 'lease-of-tester'.")
    with pytest.raises(NoSuchLease) as info:
        lease.check()
    assert str(info.value) == "Lease 'lease-of-tester' is gone, perhaps together with its exporter 'b1'."
    rig.lab.exporters["b1"].crash()


def test_a_controller_that_is_away_changes_nothing(rig: Any) -> None:
    lease = rig.only_lease()
    rig.fault("GetLease", code=Code.UNAVAILABLE, details="no leader", times=1)
    with pytest.raises(ControllerUnreachable):
        lease.state()
    lease.check()
    assert lease.state().exporter == "b1"


def test_what_a_controller_refused_afterwards_is_told_with_its_words() -> None:
    answer = client_pb2.Lease(name="namespaces/n/leases/x")
    answer.conditions.add(type="Invalid", status="True", reason="InvalidSelector", message="No labels.")
    error = end_error(LeaseState.of(answer))
    assert isinstance(error, LeaseInvalid)
    assert str(error) == "Lease 'x' was refused by the controller: InvalidSelector (No labels)."


def test_times_of_another_day_have_their_date() -> None:
    now = datetime.datetime.now(datetime.UTC)
    assert len(local_time(now)) == len("12:00:00")
    other = now + datetime.timedelta(days=400)
    assert local_time(other) == other.astimezone().strftime("%Y-%m-%d %H:%M:%S")


# Extending, transferring


def test_extending_adds_to_what_is_left(rigs: Callable[..., Any]) -> None:
    rig = rigs(clock=Clock(scale=0))
    lease = rig.only_lease(duration=30 * MINUTE)
    rig.lab.clock.advance(600)
    assert 49 * MINUTE <= lease.extend(30 * MINUTE) <= 50 * MINUTE
    assert rig.lab.controller.lease(lease.name).duration == 60 * MINUTE


def test_extending_needs_a_positive_time_and_a_lease_that_has_begun(rigs: Callable[..., Any]) -> None:
    rig = rigs()
    lease = rig.only_lease()
    with pytest.raises(UsageError, match=r"^A lease cannot be extended by 0:00:00\. Give a positive time\.$"):
        lease.extend(0 * MINUTE)
    lease.controller.create_lease(LeaseRequest(selector="board=b"), "waits")
    waiting = Lease(lease.controller, "waits", rig.events, ours=True)
    with pytest.raises(
        UsageError,
        match=r"^Lease 'waits' has not begun yet, so it cannot be extended\. Wait until it is ready\.$",
    ):
        waiting.extend(MINUTE)
    assert waiting.release() is True


def test_a_lease_that_is_over_is_not_extended(rig: Any) -> None:
    lease = rig.only_lease()
    rig.lab.controller.expire(lease.name)
    with pytest.raises(LeaseError, match=r"^Lease 'lease-of-tester' of exporter 'b1' has expired at "):
        lease.extend(MINUTE)
    assert rig.codes("UpdateLease") == []


def test_a_lease_extends_itself_up_to_its_limit(rigs: Callable[..., Any]) -> None:
    rig = rigs(clock=Clock(scale=0))
    lease = rig.only_lease(duration=10 * MINUTE)
    lease.soft, lease.hard = 10 * MINUTE, 25 * MINUTE

    def duration() -> datetime.timedelta:
        lease.keep_alive(lease.state())
        found: datetime.timedelta = rig.lab.controller.lease(lease.name).duration
        return found

    rig.lab.clock.advance(240)
    assert duration() == 10 * MINUTE
    rig.lab.clock.advance(120)
    assert 15 * MINUTE < duration() <= 17 * MINUTE
    rig.lab.clock.advance(500)
    assert 24 * MINUTE < duration() < 25 * MINUTE
    rig.lab.clock.advance(400)
    assert duration() == 25 * MINUTE
    rig.lab.clock.advance(120)
    assert duration() == 25 * MINUTE
    assert len(rig.codes("UpdateLease")) == 3


def test_a_scheduled_lease_that_came_late_extends_itself_by_as_much(
    rigs: Callable[..., Any], eventually: Eventually
) -> None:
    rig = rigs(clock=Clock(scale=0))
    holder = rig.only_lease(client="other", duration=600 * MINUTE)
    begin = rig.lab.clock.now().replace(microsecond=0) + MINUTE
    controller = rig.controller_of(rig.settings)
    controller.create_lease(LeaseRequest(selector="board=b", duration=20 * MINUTE, begin=begin), "late")
    lease = Lease(controller, "late", rig.events, ours=True, soft=20 * MINUTE, hard=60 * MINUTE)
    rig.lab.clock.advance(960)
    holder.release()
    eventually(lambda: rig.lab.clock.advance(1) or lease.state().exporter)
    left = lease.state().time_left
    assert left is not None
    assert left < 6 * MINUTE
    lease.keep_alive(lease.state())
    left = lease.state().time_left
    assert left is not None
    assert left > 19 * MINUTE
    lease.release()


def test_a_transferred_lease_is_not_ours_any_more(rig: Any) -> None:
    lease = rig.only_lease()
    lease.transfer("other")
    with pytest.raises(LeaseTransferred, match=r"^Lease 'lease-of-tester' was transferred to client 'other'\.$"):
        lease.check()
    assert lease.release() is True
    assert rig.codes("DeleteLease") == []
    assert rig.lab.controller.lease(lease.name).client == "other"
    rig.lab.controller.release(lease.name)


def test_a_transfer_to_nobody_is_refused_and_changes_nothing(rig: Any) -> None:
    lease = rig.only_lease()
    with pytest.raises(LeaseInvalid) as info:
        lease.transfer("nobody")
    assert str(info.value) == (
        f"The controller {rig.lab.endpoint} refused the transfer of lease 'lease-of-tester' to client 'nobody': there "
        f"is no such client. Check its name."
    )
    assert lease.ours is True
    lease.check()
