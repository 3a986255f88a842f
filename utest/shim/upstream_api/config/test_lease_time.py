"""The time that a lease lasts, watched: its end is told before it comes, and when it is there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.lease import Lease

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab

Eventually = Callable[[Callable[[], object]], None]
HOUR = timedelta(hours=1)


SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[VirtualLab]:
    """Start a lab whose time only tests move."""
    with VirtualLab(
        [LabExporter(name="b1", labels={"board": "b"}, driver=MockPower)],
        clients={"tester": {}, "other": {}},
        clock=Clock(scale=0),
    ) as lab:
        yield lab


@pytest.fixture
def pass_until(lab: VirtualLab, clock: MovableClock, eventually: Eventually) -> Callable[[Callable[[], object]], None]:
    """Let the time of the lab and of the client pass, a hundred times as fast as it does, until a condition holds."""

    def move() -> None:
        clock.advance(0.5)
        lab.clock.advance(0.5)

    return lambda condition: eventually(lambda: move() or condition())


def test_the_end_is_told_in_time(config: ClientConfigV1Alpha1, pass_until: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "jumpstarter.client.lease")
    told: list[tuple[Lease, timedelta]] = []
    with config.lease("board=b", duration=2 * MINUTE) as lease:
        lease.lease_ending_callback = lambda which, left: told.append((which, left))
        with lease.monitor(MINUTE):
            assert told == []
            pass_until(lambda: len(told) == 2)
            assert lease.lease_ended is True
    (first, soon), (second, over) = told
    assert first is second is lease
    assert 30 * SECOND < soon <= MINUTE
    assert over == timedelta(0)
    assert any(text.startswith(f"Lease {lease.name} ends in 0:0") for text in caplog.messages)
    assert f"Lease {lease.name} has ended." in caplog.messages


def test_a_lease_that_was_made_longer_is_told_again(config: ClientConfigV1Alpha1, pass_until: Any) -> None:
    told: list[timedelta] = []
    with config.lease("board=b", duration=2 * MINUTE) as lease:
        lease.lease_ending_callback = lambda _, left: told.append(left)
        with lease.monitor(MINUTE):
            pass_until(lambda: len(told) == 1)
            config.update_lease(str(lease.name), duration=HOUR)
        with lease.monitor(2 * HOUR):
            pass_until(lambda: len(told) == 2)
    assert told[1] > timedelta(minutes=30)


def test_an_end_that_nobody_has_planned_is_told_too(
    config: ClientConfigV1Alpha1, lab: VirtualLab, eventually: Eventually, clock: MovableClock
) -> None:
    told: list[timedelta] = []
    with config.lease("board=b") as lease, lease.monitor():
        lease.lease_ending_callback = lambda _, left: told.append(left)
        lab.controller.release(str(lease.name))
        eventually(lambda: clock.advance(0.5) or told == [timedelta(0)])


def test_nothing_is_told_after_the_block(
    config: ClientConfigV1Alpha1, eventually: Eventually, clock: MovableClock
) -> None:
    told: list[timedelta] = []
    with config.lease("board=b") as lease:
        lease.lease_ending_callback = lambda _, left: told.append(left)
        with lease.monitor():
            pass
        eventually(lambda: not any(thread.name == "jumpstarter-monitor" for thread in threading.enumerate()))
    clock.advance(60)
    assert told == []


def test_a_controller_that_does_not_answer_does_not_hide_the_end(
    config: ClientConfigV1Alpha1, lab: VirtualLab, pass_until: Any
) -> None:
    told: list[timedelta] = []
    with config.lease("board=b", duration=2 * MINUTE) as lease:
        lease.lease_ending_callback = lambda _, left: told.append(left)
        with lease.monitor(HOUR):
            pass_until(lambda: told)
            lab.controller.faults.add("GetLease", caller="tester", code=grpc.StatusCode.UNAVAILABLE, details="away")
            pass_until(lambda: told[-1] == timedelta(0))
            assert lease.lease_ended is True
