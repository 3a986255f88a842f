"""Leases that end, go to somebody else, or never come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.errors import LeaseReleased
from JumpstarterLibrary.lab import VirtualLab

Eventually = Callable[[Callable[[], object]], None]
Failing = Callable[[Callable[[], object]], tuple[str, str]]
Ready = Callable[..., str]


def reasons(lab: VirtualLab, name: str) -> list[str]:
    return [condition.reason for condition in lab.controller.lease(name).conditions]


@pytest.mark.parametrize(("fault", "reason"), [("expire", "Expired"), ("release", "Released")])
def test_it_ends(lab: VirtualLab, ready: Ready, eventually: Eventually, fault: str, reason: str) -> None:
    one, other = ready("number=1"), ready("number=2")
    lab.inject("lease", fault, name=one)
    eventually(lambda: reasons(lab, one) == [reason])
    assert reasons(lab, other) == ["Ready"]
    lab.inject("lease", fault)
    eventually(lambda: reasons(lab, other) == [reason])
    assert lab.leaks() == []


def test_a_client_hears_of_it(lab: VirtualLab, device: LeasedDevice, eventually: Eventually) -> None:
    lab.inject("lease", "release")
    eventually(lambda: lab.exporters["virtual-1"].session is None)
    with pytest.raises(LeaseReleased, match="was released, but not by this run"):
        device.client.power.on()


@pytest.mark.parametrize(("options", "owner"), [({}, "somebody"), ({"client": "other"}, "other")])
def test_it_goes_to_somebody_else(
    lab: VirtualLab, observer: Any, ready: Ready, failing: Failing, options: dict[str, str], owner: str
) -> None:
    name = ready()
    lab.inject("lease", "transfer", **options)
    assert lab.controller.lease(name).client == owner
    assert observer.get(name).client == f"namespaces/default/clients/{owner}"
    assert failing(lambda: observer.dial(name)) == ("UNKNOWN", "permission denied")
    lab.inject("lease", "release")
    assert lab.leaks() == []


@pytest.mark.parametrize(
    "reason",
    ["NoAccess", "AllDisabled", "ExporterNotFound", "SelectorMismatch", "ExporterDisabled", "SpotAccess", "NoExporter"],
)
def test_it_never_comes(lab: VirtualLab, observer: Any, eventually: Eventually, reason: str) -> None:
    with lab.inject("lease", "unsatisfiable", reason=reason):
        name = observer.create()
        eventually(lambda: lab.controller.lease(name).ended)
        (condition,) = lab.controller.lease(name).conditions
        assert (condition.type, condition.status, condition.reason) == ("Unsatisfiable", True, reason)
    name = observer.create()
    eventually(lambda: reasons(lab, name) == ["Ready"])


def test_it_makes_no_sense(lab: VirtualLab, observer: Any, eventually: Eventually) -> None:
    with lab.inject("lease", "invalid"):
        name = observer.create()
        eventually(lambda: lab.controller.lease(name).ended)
        (condition,) = lab.controller.lease(name).conditions
        assert (condition.type, condition.reason) == ("Invalid", "InvalidSelector")


def test_everything_is_taken(lab: VirtualLab, observer: Any, ready: Ready, eventually: Eventually) -> None:
    mine = ready("number=1")
    with lab.inject("lease", "busy", duration="10 min"):
        eventually(lambda: len([lease for lease in lab.leases() if lease.exporter]) == 2)
        theirs = next(lease for lease in lab.leases() if lease.name != mine)
        assert (theirs.client, theirs.exporter) == ("somebody", "virtual-2")
        assert theirs.duration is not None
        assert theirs.duration.total_seconds() == 600
        waiting = observer.create()
        eventually(lambda: reasons(lab, waiting) == ["NotAvailable"])
    eventually(lambda: reasons(lab, waiting)[1:] == ["Ready"])
    assert lab.controller.lease(theirs.name).ended
    observer.delete(mine)
    observer.delete(waiting)
    assert lab.leaks() == []


def test_it_takes_its_time(lab: VirtualLab, observer: Any, eventually: Eventually) -> None:
    with lab.inject("lease", "slow", delay=60):
        name = observer.create()
        assert reasons(lab, name) == []
        lab.clock.advance(59)
        assert reasons(lab, name) == []
        lab.clock.advance(1)
        eventually(lambda: reasons(lab, name) == ["Ready"])


def test_two_follow_each_other(lab: VirtualLab) -> None:
    with lab.inject("lease", "swap"):
        assert lab.controller.features.skip_idle
    assert not lab.controller.features.skip_idle


def test_its_name_is_taken(lab: VirtualLab, observer: Any, failing: Failing) -> None:
    lab.inject("lease", "duplicate")
    details = 'leases.jumpstarter.dev "mine" already exists'
    assert failing(lambda: observer.create(name="mine")) == ("UNKNOWN", details)
    assert lab.controller.lease("mine").client == "somebody"
    assert observer.create(name="mine-2") == "mine-2"
    observer.delete("mine-2")


def test_a_list_is_too_old(lab: VirtualLab, observer: Any, failing: Failing) -> None:
    token = observer.exporters(page_size=1).next_page_token
    assert token
    lab.inject("list-token", "expire")
    details = "The provided continue parameter is too old to display a consistent list result."
    assert failing(lambda: observer.exporters(page_size=1, page_token=token)) == ("UNKNOWN", details)
    assert len(observer.exporters().exporters) == 2
