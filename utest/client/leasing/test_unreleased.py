"""Leases that could not be released at first: tried again, and told about once."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.leasing import keeper, lease

Eventually = Callable[..., None]


def test_an_unheard_of_answer_is_tried_again(rig: Any) -> None:
    held = rig.only_lease()
    rig.fault("DeleteLease", code=grpc.StatusCode.UNKNOWN, details="etcdserver: request timed out", times=2)
    assert held.release() is True
    assert rig.codes("DeleteLease") == ["UNKNOWN", "UNKNOWN", "OK"]
    assert rig.active() == []


def test_a_refused_identity_is_not_tried_again(rig: Any) -> None:
    held = rig.only_lease()
    fault = rig.fault("DeleteLease", code=grpc.StatusCode.UNAUTHENTICATED, details="invalid jwt token")
    assert held.release() is False
    assert rig.codes("DeleteLease") == ["UNAUTHENTICATED"]
    fault.clear()


def test_a_failed_release_is_tried_again_in_the_background(
    rig: Any, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setattr(lease, "RELEASE_S", 0.2)
    monkeypatch.setattr(keeper, "LOOK_S", 0.1)
    device = rig.lease()
    fault = rig.fault("DeleteLease", code=grpc.StatusCode.UNAUTHENTICATED, details="invalid jwt token")
    assert rig.service.release(device, 0.2) is False
    assert len(rig.active()) == 1
    fault.clear()
    eventually(lambda: rig.active() == [])
    told = [text for text in rig.notices if "could not be released" in text]
    assert len(told) == 1
    assert told[0].endswith(f"Free it with: jmp delete leases {device.lease.name}")


def test_a_failed_release_is_tried_again_when_the_service_is_closed(rig: Any) -> None:
    device = rig.lease()
    fault = rig.fault("DeleteLease", code=grpc.StatusCode.UNAUTHENTICATED, details="invalid jwt token")
    assert rig.service.release(device, 0.2) is False
    fault.clear()
    rig.service.close()
    assert rig.active() == []


def test_a_slow_controller_does_not_make_other_leases_wait(rigs: Any, eventually: Eventually) -> None:
    """Each of four self-extending leases is looked at while the others are."""
    rig = rigs(4)
    soft = datetime.timedelta(seconds=20 * rig.lab.clock.scale)
    devices = [rig.lease(f"number={one}", duration=soft, max_duration=10 * soft) for one in range(1, 5)]
    rig.fault("GetLease", delay=0.4 * rig.lab.clock.scale)
    before = len(rig.codes("GetLease"))
    eventually(lambda: len(rig.lab.journal.entries(method="GetLease", caller="tester")) >= before + 8)
    calls = rig.lab.journal.entries(method="GetLease", caller="tester")[before:]
    assert any(
        abs((one.time - other.time).total_seconds()) / rig.lab.clock.scale < 0.3
        for one in calls
        for other in calls
        if one.metadata is not other.metadata and one.request != other.request
    )
    assert all(device.lease.ended is None for device in devices)


def test_a_shared_lease_is_made_as_long_as_whoever_shares_it_wants(rig: Any) -> None:
    held = rig.only_lease(duration=datetime.timedelta(minutes=5))
    held.last_at_least(datetime.timedelta(hours=3), datetime.timedelta(hours=9))
    assert held.state().time_left > datetime.timedelta(hours=2, minutes=58)
    assert (held.soft, held.hard) == (datetime.timedelta(hours=3), held.hard)
    assert held.hard >= datetime.timedelta(hours=9)
    held.last_at_least(datetime.timedelta(minutes=5), None)
    assert held.state().time_left > datetime.timedelta(hours=2, minutes=58)
