"""How a device behind a lease is reached: what a lost link means, and how silence is felt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing import keeper, route
from JumpstarterLibrary.client.leasing.dial import Dialer
from JumpstarterLibrary.client.leasing.route import LeaseRoute, Passage, open_route
from JumpstarterLibrary.errors import HookFailed, LeaseExpired, LeaseReleased, LinkError, TlsError

Code = grpc.StatusCode
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
    assert str(error).endswith(" This ended 'on' of driver 'power'.")


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


def test_a_controller_that_does_not_answer_holds_up_the_reason_for_a_moment_only(
    rig: Any, way: LeaseRoute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "EXPLAIN_S", 0.3)
    fault = rig.fault("GetLease", delay=60 * rig.lab.clock.scale)
    begin = time.monotonic()
    assert type(way.explain("something")) is LinkError
    assert time.monotonic() - begin < 1
    fault.clear()


def test_a_route_that_cannot_be_opened_leaves_nothing(rig: Any, eventually: Eventually) -> None:
    lease = rig.only_lease()
    rig.fault("Dial", code=Code.FAILED_PRECONDITION, details="exporter beforeLease hook failed")
    with pytest.raises(HookFailed):
        open_route(lease, Deadline(5), Dialer(lease), 5)
    eventually(lambda: not any(thread.name.startswith("jumpstarter-tunnel") for thread in threading.enumerate()))


def test_the_time_for_the_first_way_is_the_shorter_one(rig: Any) -> None:
    lease = rig.only_lease()
    rig.fault("Dial", code=Code.FAILED_PRECONDITION, details="exporter is not ready (status: Available)")
    begin = time.monotonic()
    with pytest.raises(Exception, match=r"that did not change within 300 milliseconds"):
        open_route(lease, Deadline(60), Dialer(lease), 0.3)
    assert time.monotonic() - begin < 2


def test_a_passage_is_lost_with_its_own_connection(rig: Any, eventually: Eventually) -> None:
    device = rig.lease()
    old: Passage = device._passage
    assert old.lost is False
    rig.lab.router.drop()
    eventually(lambda: old.lost)
    device.client.probe.count()
    assert device._passage is not old
    assert device._passage.lost is False
    assert old.lost is True
    assert (old.over, device._passage.over) == (False, False)
    old.check()
    rig.service.release(device)
    assert old.over is True
    with pytest.raises(LeaseReleased):
        old.check()


def test_a_talking_exporter_is_not_asked(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LOOK_S", 100)
    device = rig.lease()
    asked: list[float] = []
    monkeypatch.setattr(device.link, "ping", asked.append)
    device.pulse()
    assert asked == []
    monkeypatch.setattr(route, "QUIET_S", 0.0)
    device.pulse()
    assert asked == [0.0]


def test_a_silent_exporter_is_asked_and_then_given_up(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LOOK_S", 100)
    device = rig.lease()
    monkeypatch.setattr(route, "QUIET_S", 0.05)
    monkeypatch.setattr(route, "DEAD_S", 0.4)
    rig.lab.router.drop(how="silent")
    threading.Event().wait(0.1)
    device.pulse()
    assert device._route.lost is False
    threading.Event().wait(0.4)
    device.pulse()
    assert device._route.lost is True
    assert device._route.tunnel.broke == "the exporter was not heard for 400 milliseconds"
    device.pulse()


def test_an_exporter_that_is_busy_but_alive_is_not_given_up(
    rig: Any, monkeypatch: pytest.MonkeyPatch, during: Any
) -> None:
    monkeypatch.setattr(keeper, "LOOK_S", 0.05)
    monkeypatch.setattr(route, "QUIET_S", 0.1)
    monkeypatch.setattr(route, "DEAD_S", 0.4)
    device = rig.lease()
    waiting = during(lambda: device.client.probe.call("wait", timeout=0.8))
    with pytest.raises(Exception, match=r"did not finish within 800 milliseconds and was cancelled"):
        waiting()
    assert rig.codes("Dial") == ["OK"]


def test_a_pulse_of_a_closed_device_is_nothing(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    device = rig.lease()
    monkeypatch.setattr(route, "QUIET_S", 0.0)
    device.link.close()
    device.pulse()
    rig.service.release(device)
    device.pulse()
    assert rig.notices == []
