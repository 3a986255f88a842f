"""Devices that several owners use: who lets go when, and how long the lease lasts."""

from __future__ import annotations

import datetime
from typing import Any

from JumpstarterLibrary.types import Scope


def test_each_test_lets_go_of_what_the_run_keeps(run: Any) -> None:
    run.devices.owner = "s1"
    run.lease.acquire_lease("board=b")
    for number in (1, 2, 3):
        run.devices.test = f"s1-t{number}"
        run.lease.acquire_lease("board=b", scope=Scope.test)
        run.devices.close_owned(f"s1-t{number}")
        assert len(run.devices.all()) == 1
    run.lease.release_lease()
    assert run.devices.all() == {}
    assert [lease.name for lease in run.lab.leases() if not lease.ended] == []


def test_a_suite_keeps_what_a_test_of_it_has_asked_for_too(run: Any) -> None:
    run.devices.owner, run.devices.test = "s1", "s1-t1"
    run.lease.acquire_lease("board=b", scope=Scope.test)
    run.lease.acquire_lease("board=b", scope=Scope.suite)
    run.devices.close_owned("s1-t1")
    assert len(run.devices.all()) == 1
    run.devices.close_owned("s1")
    assert run.devices.all() == {}


def test_who_shares_a_lease_gets_the_time_that_was_asked_for(run: Any) -> None:
    run.lease.acquire_lease("board=b", duration=datetime.timedelta(minutes=5))
    shared = run.lease.acquire_lease("board=b", duration=datetime.timedelta(hours=3))
    assert shared.time_left > datetime.timedelta(hours=2, minutes=58)
