"""How a device behind a lease is reached: what a lost link means, and how silence is felt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.dial import Dialer
from JumpstarterLibrary.client.leasing.route import EXPLAIN_S, LeaseRoute, RouteGeneration, open_route
from JumpstarterLibrary.client.liveness import QUIET_S
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import (
    ExporterNotReady,
    HookFailed,
    InfrastructureError,
    LeaseExpired,
    LeaseReleased,
    LinkError,
    TlsError,
)
from JumpstarterLibrary.hints import Hint

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]


@pytest.fixture
def way(rig: Any) -> Any:
    """A route to the exporter of a lease, still without a connection."""
    lease = rig.only_lease()
    found = LeaseRoute(lease, Dialer(lease), 5)
    yield found
    found.close()


def test_its_near_end_is_a_private_socket_of_plain_bytes(way: LeaseRoute) -> None:
    connection = way.connection
    assert connection.address.path == way.tunnel.path
    assert (connection.name, connection.source) == ("b1", "lease 'lease-of-tester'")
    assert connection.tls.value == "plaintext"
    assert way.lost is True
    assert way.generation == 0


def test_an_end_comes_before_all_other_reasons(rig: Any, way: LeaseRoute) -> None:
    way.tunnel.error = TlsError("The secure connection could not be made.")
    rig.lab.controller.expire(way.lease.name)
    error = way.explain("'on' of driver 'power'")
    assert isinstance(error, LeaseExpired)
    assert error.facts.endswith(" This ended 'on' of driver 'power'.")
    assert error.hints == (Hint.EXTEND_LEASE,)


def test_a_refusal_comes_before_the_broken_tunnel(way: LeaseRoute) -> None:
    way.tunnel.error = TlsError("The secure connection could not be made.")
    assert way.explain("'on' of driver 'power'") is way.tunnel.error


def test_a_broken_tunnel_is_told_with_its_reason_when_nobody_knows_more(rig: Any, way: LeaseRoute) -> None:
    fault = rig.fault("GetLease", code=Code.UNAVAILABLE, details="no leader")
    error = way.explain("'on' of driver 'power'")
    fault.clear()
    assert type(error) is LinkError
    assert str(error) == (
        "The tunnel to exporter 'b1' (lease 'lease-of-tester') broke during 'on' of driver 'power': it has not come "
        "to the router. It is not known whether the exporter carried it out. The lease lasts on, and the next "
        "call connects "
        "again."
    )


def test_a_controller_that_does_not_answer_holds_up_the_reason_for_a_moment_only(rig: Any, way: LeaseRoute) -> None:
    rig.fault("GetLease", code=Code.DEADLINE_EXCEEDED, details="Deadline Exceeded")
    assert type(way.explain("something")) is LinkError
    limit_s = rig.calls("GetLease")[-1].limit_s
    # gRPC rounds it when it tells the controller.
    assert 0 < limit_s < EXPLAIN_S + 0.1


def test_a_route_that_cannot_be_opened_leaves_nothing(rig: Any, eventually: Eventually) -> None:
    lease = rig.only_lease()
    rig.fault("Dial", code=Code.FAILED_PRECONDITION, details="exporter beforeLease hook failed")
    with pytest.raises(HookFailed):
        open_route(lease, Deadline(5), Dialer(lease), 5)
    eventually(lambda: not any(thread.name.startswith("jumpstarter-tunnel") for thread in threading.enumerate()))


def test_the_time_for_the_first_way_is_the_shorter_one(rig: Any, frozen_clock: MovableClock) -> None:
    lease = rig.only_lease()
    rig.fault("Dial", code=Code.FAILED_PRECONDITION, details="exporter is not ready (status: Available)")
    with (
        frozen_clock.skipping_pauses(rig.settled),
        pytest.raises(ExporterNotReady, match=r"that did not change within 20 seconds"),
    ):
        open_route(lease, Deadline(60), Dialer(lease), 20)
    assert 20 <= frozen_clock.seconds() < 30


def test_a_passage_is_lost_with_its_own_connection(rig: Any, eventually: Eventually) -> None:
    device = rig.lease()
    old: RouteGeneration = device.present.route
    assert old.lost is False
    rig.lab.router.drop()
    eventually(lambda: old.lost)
    device.client.probe.count()
    assert device.present.route is not old
    assert device.present.route.lost is False
    assert old.lost is True
    assert (old.over, device.present.route.over) == (False, False)
    old.check()
    rig.service.release(device)
    assert old.over is True
    with pytest.raises(LeaseReleased):
        old.check()


def test_a_talking_exporter_is_not_asked(rig: Any, frozen_clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    with frozen_clock.skipping_pauses(rig.settled):
        device = rig.lease()
    asked: list[float] = []
    monkeypatch.setattr(device.link, "ping", asked.append)
    device.check_liveness()
    frozen_clock.advance(QUIET_S - 0.1)
    device.check_liveness()
    assert asked == []
    frozen_clock.advance(0.1)
    device.check_liveness()
    assert asked == [QUIET_S]
    # It has been asked just now.
    device.check_liveness()
    assert asked == [QUIET_S]


def test_a_silent_exporter_is_asked_and_then_given_up(rig: Any, frozen_clock: MovableClock) -> None:
    with frozen_clock.skipping_pauses(rig.settled):
        device = rig.lease()
    rig.lab.router.drop(how="silent")
    for _ in range(5):
        frozen_clock.advance(QUIET_S)
        device.check_liveness()
        assert device.present.route.lost is False
    frozen_clock.advance(QUIET_S)
    device.check_liveness()
    assert device.present.route.lost is True
    assert "broke during a test: the exporter answered nothing for 30 seconds (exporter_silence)." in str(
        device.present.route.explain("a test")
    )
    device.check_liveness()


def test_a_clock_that_jumps_makes_no_exporter_lost(rig: Any, frozen_clock: MovableClock) -> None:
    """The process was stopped, or its machine slept: the exporter may be heard in a moment."""
    with frozen_clock.skipping_pauses(rig.settled):
        device = rig.lease()
    rig.lab.router.drop(how="silent")
    for _ in range(3):
        frozen_clock.advance(24 * 3600)
        device.check_liveness()
        assert device.present.route.lost is False


def test_an_exporter_that_is_busy_but_alive_is_not_given_up(
    rig: Any, clock: MovableClock, during: During, pass_until: Any
) -> None:
    device = rig.lease()
    waiting = during(lambda: device.client.probe.call("wait"))
    assert rig.probe.started.wait(10)
    begin = clock.seconds()
    while clock.seconds() - begin < 2 * Timing().exporter_silence:
        # It is asked whenever it was silent for some seconds, and answers.
        before = rig.exchanged()
        clock.advance(2 * QUIET_S)
        pass_until(lambda before=before: rig.exchanged() > before)
    assert device.present.route.lost is False
    assert device.present.route.generation == 1
    rig.service.release(device)
    with pytest.raises(InfrastructureError):
        waiting()


def test_a_pulse_of_a_closed_device_is_nothing(rig: Any, clock: MovableClock) -> None:
    device = rig.lease()
    device.link.close()
    clock.advance(QUIET_S)
    device.check_liveness()
    rig.service.release(device)
    device.check_liveness()
    assert rig.notices == []
