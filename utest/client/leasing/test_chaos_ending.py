"""The certain end of leases: work that interruptions do not break off, and the signals that end a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing import exit_cleanup
from JumpstarterLibrary.client.leasing.lease import RELEASE_S
from JumpstarterLibrary.client.leasing.termination import FATAL, Termination
from JumpstarterLibrary.client.leasing.uninterruptible import UninterruptibleTask, shielded

ROOT = Path(__file__).parents[3]
LIMIT_S = 10.0


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Leave SIGTERM and SIGHUP to the system, whoever runs the tests."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in FATAL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_work_is_done_once_however_often_it_is_waited_for(alarm: Any) -> None:
    count = []

    def work() -> str | None:
        count.append(1)
        while not alarm.count:
            time.sleep(0.002)
        return "it went wrong"

    shield = UninterruptibleTask(work, Deadline(LIMIT_S))
    alarm.when(lambda: count)
    with pytest.raises(alarm.Interruption):
        shield.wait()
    assert [shield.wait(), shield.wait()] == ["it went wrong", "it went wrong"]
    assert count == [1]


@pytest.fixture
def no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python 3.12.0 and 3.12.1 do when the interpreter exits."""

    def start(_self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)


def test_work_is_done_where_no_thread_can_be_started(no_more_threads: None) -> None:
    assert shielded(lambda: "done", Deadline(LIMIT_S)) == "done"


def test_leases_are_released_at_exit_where_no_thread_can_be_started(no_more_threads: None) -> None:
    class Held:
        name = "held"
        trouble = ""
        released = 0

        def release(self, _timeout: float) -> bool:
            self.released += 1
            return True

    held: Any = Held()
    exit_cleanup.register(held)
    exit_cleanup.release_all()
    exit_cleanup.release_all()
    assert held.released == 1


def test_a_second_release_waits_for_the_first_one(
    rig: Any, during: Callable[..., Callable[[], Any]], eventually: Callable[[Callable[[], object]], None]
) -> None:
    lease = rig.only_lease()
    fault = rig.hold("DeleteLease", times=1)
    first = during(lease.release)
    eventually(lambda: fault.hits)
    second = during(lease.release)
    fault.clear()
    assert second() is True
    assert rig.active() == []
    assert first() is True
    assert rig.codes("DeleteLease") == ["OK"]


def test_a_release_that_failed_is_tried_again(
    rig: Any,
    frozen_clock: MovableClock,
    during: Callable[..., Callable[[], Any]],
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    lease = rig.only_lease()
    fault = rig.fault("DeleteLease", code=grpc.StatusCode.UNAVAILABLE, details="out to lunch")
    join = during(lease.release)
    eventually(lambda: fault.hits)
    frozen_clock.advance(RELEASE_S)
    assert join() is False
    assert lease.trouble.endswith(f"Free it with: jmp delete leases {lease.name}")
    fault.clear()
    assert lease.release() is True
    assert (lease.trouble, rig.active()) == ("", [])


@pytest.mark.parametrize("number", FATAL)
def test_a_signal_that_nobody_handles_ends_the_run_in_order(default_signals: None, number: signal.Signals) -> None:
    with Termination(), pytest.raises(SystemExit) as exit:
        os.kill(os.getpid(), number)
    assert exit.value.code == 128 + number
    assert [signal.getsignal(one) for one in FATAL] == [signal.SIG_DFL, signal.SIG_DFL]


def test_a_runner_says_itself_what_to_do(default_signals: None) -> None:
    numbers = []
    with Termination(lambda number, _frame: numbers.append(number)):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
    assert numbers == [signal.SIGTERM, signal.SIGHUP]


def test_hanging_up_does_what_the_runner_does_on_sigterm(default_signals: None) -> None:
    numbers: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: numbers.append(number))
    with Termination():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
    assert numbers == [signal.SIGHUP, signal.SIGTERM]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL


def test_what_is_ignored_stays_ignored(default_signals: None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Termination():
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_what_becomes_free_is_guarded_next_time(default_signals: None) -> None:
    signal.signal(signal.SIGTERM, lambda *_: None)
    termination = Termination()
    termination.guard()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as Robot Framework does when its tests are over
    termination.guard()
    with pytest.raises(SystemExit):
        os.kill(os.getpid(), signal.SIGTERM)
    termination.restore()
    assert [signal.getsignal(one) for one in FATAL] == [signal.SIG_DFL, signal.SIG_DFL]


def test_other_threads_leave_signals_alone(default_signals: None, during: Callable[..., Callable[[], Any]]) -> None:
    def work() -> list[Any]:
        with Termination():
            return [signal.getsignal(number) for number in FATAL]

    assert during(work)() == [signal.SIG_DFL, signal.SIG_DFL]


SCRIPT = """
import os, signal, sys, time
from JumpstarterLibrary.client.leasing import LeaseRequest, LeaseService
from JumpstarterLibrary.client.settings import find_settings

service = LeaseService(find_settings)
device = service.lease(LeaseRequest(selector="board=b"), 10)
print(device.lease.name, flush=True)
"""


def test_signals_at_exit_do_not_keep_leases(rig: Any, tmp_path: Path) -> None:
    fault = rig.hold("DeleteLease")
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **rig.lab.environment(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not fault.hits:
        assert process.poll() is None
        time.sleep(0.005)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
        time.sleep(0.02)
    fault.clear()
    process.communicate(timeout=LIMIT_S)
    assert rig.codes("DeleteLease") == ["OK"]
    assert rig.active() == []
