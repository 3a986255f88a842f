"""Leases are looked after in the background: extended, and their end noticed soon."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.leasing.renewer import LOOK_S, LeaseRenewer
from JumpstarterLibrary.errors import LeaseExpired, LeaseReleased, LeaseTransferred, NoSuchLease
from JumpstarterLibrary.lab import Clock

Code = grpc.StatusCode
Eventually = Callable[[Callable[[], object]], None]
SECOND = datetime.timedelta(seconds=1)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "jumpstarter-keeper"]


@pytest.fixture
def keeper(eventually: Eventually) -> Any:
    """A keeper whose thread has to end."""
    found = LeaseRenewer()
    yield found
    for lease in found.leases:
        found.leave(lease)
    eventually(lambda: not threads())


def test_a_lease_extends_itself_as_long_as_it_is_kept(rigs: Any, keeper: LeaseRenewer, pass_until: Any) -> None:
    rig = rigs(clock=Clock(scale=0))
    lease = rig.only_lease(duration=10 * SECOND)
    lease.soft, lease.hard = 10 * SECOND, 40 * SECOND
    keeper.keep(lease)
    lasted = 0
    while lease.ended is None:
        rig.lab.clock.advance(1)
        lasted += 1
        looks = len(rig.calls("GetLease"))
        pass_until(lambda looks=looks: lease.ended or len(rig.calls("GetLease")) > looks + 1, 1.0)
    assert 40 <= lasted <= 41
    assert rig.lab.controller.lease(lease.name).duration == 40 * SECOND
    assert 3 <= len(rig.codes("UpdateLease")) <= 8
    assert isinstance(lease.ended, LeaseExpired)


def test_a_lease_without_a_limit_is_not_extended(rigs: Any, keeper: LeaseRenewer, pass_until: Any) -> None:
    rig = rigs(clock=Clock(scale=0))
    lease = rig.only_lease(duration=6 * SECOND)
    keeper.keep(lease)
    rig.lab.clock.advance(5)
    looks = len(rig.calls("GetLease"))
    pass_until(lambda: len(rig.calls("GetLease")) > looks + 1)
    rig.lab.clock.advance(1)
    pass_until(lambda: lease.ended)
    assert isinstance(lease.ended, LeaseExpired)
    assert rig.codes("UpdateLease") == []


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("release", LeaseReleased),
        ("expire", LeaseExpired),
        ("transfer", LeaseTransferred),
        ("remove", NoSuchLease),
    ],
)
def test_an_end_is_noticed_soon_and_told(
    rig: Any, keeper: LeaseRenewer, eventually: Eventually, pass_until: Any, act: str, kind: type[Exception]
) -> None:
    lease = rig.only_lease()
    keeper.keep(lease)
    ended = threading.Event()
    lease.on_end(ended.set)
    acts: dict[str, Callable[[], None]] = {
        "release": lambda: rig.lab.controller.release(lease.name),
        "expire": lambda: rig.lab.controller.expire(lease.name),
        "transfer": lambda: rig.lab.controller.transfer(lease.name, "other"),
        "remove": lambda: rig.lab.controller.remove_exporter("b1"),
    }
    acts[act]()
    pass_until(ended.is_set)
    assert type(lease.ended) is kind
    eventually(lambda: not threads())
    assert keeper.leases == []
    assert rig.notices == [str(lease.ended)]
    if act == "transfer":
        rig.lab.controller.release(lease.name)
    rig.lab.exporters["b1"].crash()


def test_the_planned_end_is_not_slept_through(
    rigs: Any, keeper: LeaseRenewer, frozen_clock: MovableClock, eventually: Eventually
) -> None:
    rig = rigs(clock=Clock(scale=0))
    lease = rig.only_lease(duration=SECOND)
    looks = len(rig.calls("GetLease"))
    keeper.keep(lease)
    eventually(lambda: frozen_clock.advance(0.01) or len(rig.calls("GetLease")) > looks)
    begin = frozen_clock.seconds()
    assert len(rig.codes("GetLease")) == looks + 1
    rig.lab.clock.advance(1)
    eventually(lambda: frozen_clock.advance(0.01) or lease.ended)
    assert frozen_clock.seconds() - begin < LOOK_S


def test_a_controller_that_is_away_is_told_once_and_waited_for(rig: Any, keeper: LeaseRenewer, pass_until: Any) -> None:
    lease = rig.only_lease()
    fault = rig.fault("GetLease", code=Code.UNAVAILABLE, details="no leader")
    keeper.keep(lease)
    pass_until(lambda: fault.hits >= 4)
    fault.clear()
    assert rig.notices == [
        f"Lease 'lease-of-tester' cannot be looked after at the moment: The controller {rig.lab.endpoint} failed when "
        f"it was asked for lease 'lease-of-tester': no leader."
    ]
    rig.lab.controller.release(lease.name)
    pass_until(lambda: lease.ended)


def test_a_refused_extension_is_told_once_and_the_lease_goes_on(
    rigs: Any, keeper: LeaseRenewer, pass_until: Any
) -> None:
    rig = rigs(clock=Clock(scale=0))
    lease = rig.only_lease(duration=20 * SECOND)
    lease.soft, lease.hard = 20 * SECOND, 100 * SECOND
    fault = rig.fault("UpdateLease", code=Code.PERMISSION_DENIED, details="permission denied for client")
    keeper.keep(lease)
    rig.lab.clock.advance(11)
    pass_until(lambda: fault.hits >= 3)
    assert len(rig.notices) == 1
    assert rig.notices[0].startswith(
        f"Lease 'lease-of-tester' cannot be looked after: The controller {rig.lab.endpoint} did not accept client "
    )
    lease.check()


def test_trouble_with_a_pulse_stops_nothing(rig: Any, keeper: LeaseRenewer, pass_until: Any) -> None:
    lease = rig.only_lease()
    pulses: list[int] = []

    def check_liveness() -> None:
        pulses.append(1)
        raise ValueError("Cannot invoke RPC on closed channel!")

    keeper.keep(lease, check_liveness)
    pass_until(lambda: len(pulses) > 2)
    assert len(threads()) == 1
    keeper.keep(lease)
    rig.lab.controller.release(lease.name)
    pass_until(lambda: lease.ended)


def test_leaving_and_keeping_again_and_again_leaves_one_thread_at_most(
    rig: Any, keeper: LeaseRenewer, eventually: Eventually
) -> None:
    lease = rig.only_lease()
    for _ in range(50):
        keeper.keep(lease)
        keeper.leave(lease)
        keeper.leave(lease)
    for _ in range(20):
        keeper.keep(lease)
    eventually(lambda: len(threads()) == 1)
    assert keeper.leases == [lease]


def test_a_release_beside_the_keeper_is_no_surprise(rig: Any, keeper: LeaseRenewer, pass_until: Any) -> None:
    lease = rig.only_lease()
    keeper.keep(lease)
    looks = len(rig.calls("GetLease"))
    pass_until(lambda: len(rig.calls("GetLease")) > looks)
    assert lease.release() is True
    pass_until(lambda: not threads())
    assert rig.notices == []
    assert str(lease.ended) == "Lease 'lease-of-tester' was released by this run."


def test_a_lease_that_is_over_needs_no_second_try(rig: Any, keeper: LeaseRenewer, eventually: Eventually) -> None:
    lease = rig.only_lease()
    rig.lab.controller.expire(lease.name)
    eventually(lambda: lease.state().phase.over)
    for _ in range(50):
        keeper.release(lease)
    eventually(lambda: not threads())
    assert rig.codes("DeleteLease") == []


def test_a_closed_controller_does_not_trouble_anybody(rig: Any, keeper: LeaseRenewer, pass_until: Any) -> None:
    lease = rig.only_lease()
    looks: list[int] = []
    lease.controller.close()
    keeper.keep(lease, lambda: looks.append(1))
    pass_until(lambda: len(looks) > 2)
    assert rig.notices == []
    rig.lab.controller.release(lease.name)
    lease.ours = False
