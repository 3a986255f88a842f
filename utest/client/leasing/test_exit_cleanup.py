"""Leases that nobody released are released when the interpreter exits, in whatever way it does."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.leasing import exit_cleanup
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.lease import RELEASE_S, Lease
from JumpstarterLibrary.client.leasing.uninterruptible import LAST_WORDS_S

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]

PROGRAM = """
import os, signal, sys, threading
from JumpstarterLibrary.client.leasing import LeaseRequest, LeaseService
from JumpstarterLibrary.client.settings import find_settings

service = LeaseService(find_settings)
device = service.lease(LeaseRequest(selector="board=b", name=sys.argv[2] if len(sys.argv) > 2 else None), 20)
print("ready", flush=True)
how = sys.argv[1]
if how == "exit":
    sys.exit(0)
if how == "error":
    raise RuntimeError("what no test expects")
if how == "closed":
    service.close()
    sys.exit(0)
threading.Event().wait(30)
"""


@contextmanager
def program(rig: Any, tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that leases an exporter and releases nothing; yield it when it has the lease."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("JMP_", "JUMPSTARTER_"))}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**environ, **rig.lab.environment(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", ["exit", "error", "closed"])
def test_a_program_that_ends_leaves_no_lease(rig: Any, tmp_path: Path, how: str) -> None:
    with program(rig, tmp_path, how) as process:
        process.wait(10)
        assert rig.active() == []
        assert process.returncode == (1 if how == "error" else 0)


def test_a_program_that_is_interrupted_twice_leaves_no_lease(rig: Any, tmp_path: Path, eventually: Eventually) -> None:
    with program(rig, tmp_path, "wait") as process:
        fault = rig.hold("DeleteLease", times=1)
        process.send_signal(signal.SIGINT)
        eventually(lambda: fault.hits)
        process.send_signal(signal.SIGINT)
        fault.clear()
        process.wait(10)
    assert rig.active() == []


def test_a_program_that_cannot_release_names_the_command(rig: Any, tmp_path: Path) -> None:
    with program(rig, tmp_path, "wait", "mine") as process:
        fault = rig.fault("DeleteLease", code=Code.UNAUTHENTICATED, details="invalid jwt token")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
    fault.clear()
    assert "Free it with: jmp delete leases mine" in errors
    rig.lab.controller.release("mine")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's lease is remembered, and nothing is registered for the exit."""
    monkeypatch.setattr(exit_cleanup, "_held", {})


def test_what_is_remembered_is_released(rigs: Any, alone: None) -> None:
    rig = rigs(3)
    leases: list[Lease] = [rig.only_lease(f"l{number}", selector=f"number={number}") for number in (1, 2, 3)]
    for lease in leases:
        exit_cleanup.register(lease)
    exit_cleanup.unregister(leases[2])
    exit_cleanup.release_all()
    assert rig.active() == ["l3"]
    exit_cleanup.release_all()
    assert len(rig.codes("DeleteLease")) == 2


def test_what_failed_before_is_tried_again(rig: Any, alone: None) -> None:
    lease = rig.only_lease()
    exit_cleanup.register(lease)
    fault = rig.fault("DeleteLease", code=Code.UNAUTHENTICATED, details="invalid jwt token")
    assert lease.release() is False
    fault.clear()
    exit_cleanup.release_all()
    assert rig.active() == []


def test_what_fails_again_is_logged_with_the_command(rig: Any, alone: None, caplog: pytest.LogCaptureFixture) -> None:
    lease = rig.only_lease()
    exit_cleanup.register(lease)
    fault = rig.fault("DeleteLease", code=Code.UNAUTHENTICATED, details="invalid jwt token")
    with caplog.at_level(logging.WARNING):
        exit_cleanup.release_all()
    fault.clear()
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [lease.trouble]
    assert lease.trouble.endswith("Free it with: jmp delete leases lease-of-tester")


def test_all_of_them_together_are_bounded(
    rigs: Any, alone: None, during: During, eventually: Eventually, frozen_clock: MovableClock
) -> None:
    rig = rigs(4)
    for number in range(1, 5):
        exit_cleanup.register(rig.only_lease(f"l{number}", selector=f"number={number}"))
    fault = rig.hold("DeleteLease")
    join = during(exit_cleanup.release_all)
    # None of them waits for another.
    eventually(lambda: fault.hits == 4)
    frozen_clock.advance(RELEASE_S + LAST_WORDS_S)
    join()
    assert len([text for text in rig.notices if "did not answer in time" in text]) == 4
    fault.clear()


def test_they_are_released_where_no_thread_starts_any_more(
    rig: Any, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    exit_cleanup.register(rig.only_lease())

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        exit_cleanup.release_all()
    assert rig.active() == []


def test_before_a_connection_is_closed_what_was_leased_through_it_is_released(rig: Any) -> None:
    first, second = rig.controller_of(rig.settings), rig.controller_of(rig.settings)
    leases = [Lease(controller, name, rig.events, ours=True) for controller, name in ((first, "a"), (second, "b"))]
    for lease in leases:
        lease.controller.create_lease(LeaseRequest(selector="board=b"), lease.name, 5)
        exit_cleanup.register(lease)
    exit_cleanup.release_through(first)
    assert rig.active() == ["b"]
    # It is forgotten: whoever exits now has nothing to do with it.
    exit_cleanup.release_through(first)
    exit_cleanup.release_through(second)
    assert rig.active() == []
    assert rig.codes("DeleteLease") == ["OK", "OK"]
