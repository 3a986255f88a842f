"""Leases that somebody else has made: they are used, awaited where they have no exporter yet, and never released."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.joining import attach, join, usable
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.errors import (
    LeaseError,
    LeaseExpired,
    LeaseNotOwned,
    LeaseReleased,
    LeaseTimeout,
    LeaseUnsatisfiable,
    NoSuchLease,
)

During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]


def attached(rig: Any, name: str) -> Lease:
    return attach(rig.controller_of(rig.settings), name, Deadline(5), rig.events)


def test_attaching_takes_what_is_there(rig: Any) -> None:
    own = rig.only_lease()
    lease = attached(rig, own.name)
    assert (lease.exporter, lease.ours) == ("b1", False)
    assert lease.release() is True
    assert rig.active() == [own.name]


def test_attaching_needs_a_lease(rig: Any) -> None:
    with pytest.raises(NoSuchLease) as info:
        attached(rig, "nothing")
    assert str(info.value) == (
        f"The controller {rig.lab.endpoint} knows nothing of lease 'nothing'. Check its name; `jmp get leases` and "
        f"`jmp get exporters` list what is there."
    )


def test_attaching_needs_a_lease_of_ones_own(rig: Any) -> None:
    rig.only_lease(client="other")
    with pytest.raises(LeaseNotOwned) as info:
        attached(rig, "lease-of-other")
    assert str(info.value) == (
        "Lease 'lease-of-other' belongs to client 'other', not to 'tester'. Ask its owner to transfer it, or acquire "
        "another one."
    )


def test_attaching_needs_a_lease_that_lasts(rig: Any) -> None:
    own = rig.only_lease()
    rig.lab.controller.expire(own.name)
    deadline = Deadline(5)
    while not rig.lab.controller.lease(own.name).ended:
        assert not deadline.expired
    with pytest.raises(LeaseExpired, match=r"^Lease 'lease-of-tester' of exporter 'b1' has expired at "):
        attached(rig, own.name)


def test_attaching_needs_an_exporter(rig: Any) -> None:
    rig.only_lease(client="other")
    controller = rig.controller_of(rig.settings)
    controller.create_lease(LeaseRequest(selector="board=b"), "waits")
    deadline = Deadline(5)
    while not controller.lease("waits").reason:
        assert not deadline.expired
    with pytest.raises(LeaseError) as info:
        attached(rig, "waits")
    assert str(info.value) == (
        "Lease 'waits' has no exporter yet: those that match are leased. Wait until it is ready."
    )
    rig.lab.controller.release("waits")


# Joining


def joined(rig: Any, name: str, timeout: float = 10, **options: Any) -> Lease:
    controller, deadline = rig.controller_of(rig.settings), Deadline(timeout)
    return join(controller, usable(controller, name, deadline), deadline, events=rig.events, **options)


def asked_for(rig: Any, name: str, **request: Any) -> None:
    """Ask for a lease that nobody waits for."""
    rig.controller_of(rig.settings).create_lease(LeaseRequest(**request), name, 5)


def test_joining_waits_for_an_exporter(rig: Any, during: During, eventually: Eventually) -> None:
    held = rig.only_lease(client="other")
    asked_for(rig, "waits", selector="board=b")
    joining = during(lambda: joined(rig, "waits"))
    eventually(lambda: rig.notices)
    assert rig.notices[0].startswith("Waiting for selector 'board=b' (lease 'waits'): those that match are leased (")
    held.release()
    lease = joining()
    assert (lease.name, lease.exporter, lease.ours) == ("waits", "b1", False)
    assert lease.release() is True
    assert rig.active() == ["waits"]
    rig.lab.controller.release("waits")


def test_joining_that_takes_too_long_leaves_the_lease_as_it_is(rig: Any, frozen_clock: MovableClock) -> None:
    rig.only_lease(client="other")
    asked_for(rig, "waits", exporter="b1")
    with frozen_clock.skipping_pauses(rig.decided), pytest.raises(LeaseTimeout) as info:
        joined(rig, "waits", 60)
    assert frozen_clock.seconds() >= 60
    assert str(info.value).startswith("Exporter 'b1' did not become free within 60 seconds: it is leased (")
    assert str(info.value).endswith(
        "). Lease 'waits' goes on waiting. Wait longer with timeout=, or ask for another exporter."
    )
    assert sorted(rig.active()) == ["lease-of-other", "waits"]
    rig.lab.controller.release("waits")


def test_joining_is_told_what_will_never_be(rig: Any) -> None:
    controller = rig.controller_of(rig.settings)
    controller.create_lease(LeaseRequest(selector="board=c"), "never", 5)
    with pytest.raises(LeaseUnsatisfiable) as info:
        join(controller, controller.lease("never"), Deadline(5))
    assert str(info.value) == (
        "No exporter fits selector 'board=c': no exporter has board=c; 1 has board=b. Correct the selector."
    )


def test_joining_notices_a_release_elsewhere(rig: Any, during: During, eventually: Eventually) -> None:
    rig.only_lease(client="other")
    asked_for(rig, "waits", selector="board=b")
    joining = during(lambda: joined(rig, "waits"))
    eventually(lambda: rig.notices)
    rig.lab.controller.release("waits")
    with pytest.raises(LeaseReleased) as info:
        joining()
    assert str(info.value) == (
        "Lease 'waits' was released, but not by this run: by its owner elsewhere, by its exporter or by an "
        "administrator. Acquire it again."
    )


def test_joining_can_be_interrupted(rig: Any) -> None:
    rig.only_lease(client="other")
    asked_for(rig, "waits", selector="board=b")

    def tick() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        joined(rig, "waits", tick=tick)
    assert sorted(rig.active()) == ["lease-of-other", "waits"]
    rig.lab.controller.release("waits")
