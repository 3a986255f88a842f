"""Leases that could not be released at first: tried again, and told about once."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.errors import LeaseTimeout

Eventually = Callable[..., None]


@pytest.mark.parametrize("details", ["etcdserver: request timed out", "oidc: authenticator not initialized"])
def test_an_unheard_of_answer_is_tried_again(rig: Any, details: str) -> None:
    held = rig.only_lease()
    rig.fault("DeleteLease", code=grpc.StatusCode.UNKNOWN, details=details, times=2)
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
    rig: Any, clock: MovableClock, eventually: Eventually
) -> None:
    device = rig.lease()
    fault = rig.fault("DeleteLease", code=grpc.StatusCode.UNAUTHENTICATED, details="invalid jwt token")
    assert rig.service.release(device) is False
    assert len(rig.active()) == 1
    eventually(lambda: clock.advance(0.1) or fault.hits > 2)
    fault.clear()
    eventually(lambda: clock.advance(0.1) or rig.active() == [])
    told = [text for text in rig.notices if "could not be released" in text]
    assert len(told) == 1
    assert told[0].endswith(f"Free it with: jmp delete leases {device.lease.name}")


def test_a_request_that_could_not_be_taken_back_is_taken_back_later(
    rig: Any, clock: MovableClock, eventually: Eventually
) -> None:
    rig.only_lease(client="other")
    fault = rig.fault("DeleteLease", code=grpc.StatusCode.UNAUTHENTICATED, details="invalid jwt token")
    with pytest.raises(LeaseTimeout):
        rig.lease(timeout=0)
    assert len(rig.active()) == 2
    fault.clear()
    eventually(lambda: clock.advance(0.1) or rig.active() == ["lease-of-other"])
    assert rig.codes("CreateLease") == ["OK"]


def test_a_request_that_could_not_be_taken_back_is_taken_back_when_the_service_is_closed(rig: Any) -> None:
    rig.only_lease(client="other")
    fault = rig.fault("DeleteLease", code=grpc.StatusCode.UNAUTHENTICATED, details="invalid jwt token")
    with pytest.raises(LeaseTimeout):
        rig.lease(timeout=0)
    fault.clear()
    rig.service.close()
    assert rig.active() == ["lease-of-other"]


def test_a_failed_release_is_tried_again_when_the_service_is_closed(rig: Any) -> None:
    device = rig.lease()
    fault = rig.fault("DeleteLease", code=grpc.StatusCode.UNAUTHENTICATED, details="invalid jwt token")
    assert rig.service.release(device) is False
    fault.clear()
    rig.service.close()
    assert rig.active() == []


def test_a_slow_controller_does_not_make_other_leases_wait(
    rigs: Any, clock: MovableClock, eventually: Eventually
) -> None:
    """Each of four self-extending leases is looked at while the others are."""
    rig = rigs(4)
    hour = datetime.timedelta(hours=1)
    devices = [rig.lease(f"number={one}", duration=hour, max_duration=10 * hour) for one in range(1, 5)]
    fault = rig.hold("GetLease")
    eventually(lambda: clock.advance(0.1) or fault.hits == 4)
    fault.clear()
    assert len({call.request.name for call in rig.calls("GetLease")[-4:]}) == 4
    assert all(device.lease.ended is None for device in devices)


def test_a_shared_lease_is_made_as_long_as_whoever_shares_it_wants(rig: Any) -> None:
    held = rig.only_lease(duration=datetime.timedelta(minutes=5))
    held.last_at_least(datetime.timedelta(hours=3), datetime.timedelta(hours=9))
    assert held.state().time_left > datetime.timedelta(hours=2, minutes=58)
    assert (held.soft, held.hard) == (datetime.timedelta(hours=3), held.hard)
    assert held.hard >= datetime.timedelta(hours=9)
    held.last_at_least(datetime.timedelta(minutes=5), None)
    assert held.state().time_left > datetime.timedelta(hours=2, minutes=58)
