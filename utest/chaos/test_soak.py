"""Random runs with faults, and proof that they would notice what they look for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from utest.chaos import soak, soak_actions
from utest.chaos.soak_bench import BOARDS, SCALE, US, Bench, eventually
from utest.chaos.soak_many import CHILD

pytestmark = pytest.mark.leaves("descriptor", "file", reason="the lab of the module changes its connections and files")

SEEDS = 16
"""`inv nightly` has hundreds."""
LIMIT_S = 300.0


def test_random_runs_break_no_rule(tmp_path: Path) -> None:
    """Each failure tells its seed, and what repeats it."""
    soaking = subprocess.run(
        [sys.executable, "-P", "-c", CHILD, "--seeds", str(SEEDS)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        cwd=tmp_path,
        check=False,
    )
    sys.stdout.write(soaking.stdout)
    assert soaking.returncode == 0, f"{soaking.stdout}\n{soaking.stderr[-20_000:]}"
    assert "\n0 runs broke a rule: []\n" in soaking.stdout
    assert soaking.stdout.startswith(f"{SEEDS} runs; ")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A lab for all tests of this module."""
    with soak.benches() as bench:
        yield bench


@pytest.fixture
def broken(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Do a run without faults, whose actions are one function; return the rules that it broke."""
    monkeypatch.setattr(soak, "SETTLE_S", 0.2)
    monkeypatch.setattr(soak, "random_faults", lambda chance: [])

    def run(function: Any, limit_s: float = soak.LIMIT_S) -> list[str]:
        monkeypatch.setattr(soak, "LIMIT_S", limit_s)
        monkeypatch.setattr(soak_actions.Actions, "run", lambda self, number, over: self._do(lambda: function(self)))
        return soak.run(0, bench).broken

    yield run
    for name in bench.active():
        bench.lab.controller.release(name)
    bench.recover(10)


def test_a_quiet_run_breaks_no_rule(broken: Any) -> None:
    assert broken(soak_actions.Actions._acquire) == []


def test_an_error_that_is_not_ours_is_noticed(broken: Any) -> None:
    def act(_actions: Any) -> str:
        raise KeyError("power")

    assert broken(act) == ["an error that is not ours: KeyError: 'power'"]


def test_a_call_that_is_carried_out_twice_is_noticed(broken: Any, bench: Bench) -> None:
    def act(actions: Any) -> str:
        call = actions._new_call()
        bench.ledger.note(call)
        actions._acquire()
        actions._tally().call("once", call, 0.0)
        actions._carried_out(call, right=True)
        return "never"

    first, second = broken(act)[:2]
    assert first.endswith("succeeded: right True, carried out 2 times")
    assert second.startswith("carried out more than once: ")


def test_a_lease_that_is_left_is_noticed(broken: Any, bench: Bench) -> None:
    def act(actions: Any) -> str:
        actions._acquire()
        actions._extend()  # nothing extends it later, and it shall not end before it is looked for
        held = actions._held.pop()
        held.device.close()
        held.service.keeper.leave(held.device.lease)
        soak.exit_cleanup.unregister(held.device.lease)
        return held.device.lease.name

    found = broken(act)
    (name,) = bench.active()
    assert f"a lease is left: {name}" in found
    assert "left open in the lab: 1 leases" in found


def test_a_thread_that_is_left_is_noticed(broken: Any) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="jumpstarter-example", daemon=True)

    def act(_actions: Any) -> str:
        thread.start()
        return "started"

    assert broken(act) == ["a thread is left: jumpstarter-example"]
    stop.set()
    thread.join()


def test_a_run_that_hangs_is_noticed(broken: Any, capfd: pytest.CaptureFixture[str]) -> None:
    stop = threading.Event()

    def act(_actions: Any) -> str:
        stop.wait(10)
        return "over"

    assert broken(act, 0.2) == ["it did not end within 0.2 s; where its threads are was written to stderr"]
    stop.set()
    assert "in act" in capfd.readouterr().err


@pytest.mark.parametrize("hook", ["before_lease", "after_lease"])
def test_boards_that_a_hook_ends_while_the_controller_restarts_come_back(bench: Bench, hook: str) -> None:
    """To the new controller they look neither free nor gone for a moment; that is not taken for either."""
    fails = HookInstanceConfigV1Alpha1(script="exit 1", on_failure="exit")
    lives = [bench.lab.exporters[name]._life for name in BOARDS]
    for life in lives:
        life.change(replace(life.wish, **{hook: fails}))
    try:
        for _ in range(5):
            leases = [bench.lab.controller.add_lease(US, name, timedelta(hours=1)) for name in BOARDS]
            heard: set[str] = set()

            def all_heard(heard: set[str] = heard) -> bool:
                # Not at once: a hook may have ended one board before the next one hears of its lease.
                heard.update(life.name for life in lives if life.session is not None)
                return len(heard) == len(lives)

            assert eventually(all_heard, 30.0), f"of {BOARDS}, only {sorted(heard)} have heard of their leases"
            ending = [life.running for life in lives]

            def all_began_anew(ending: list[Any] = ending) -> bool:
                # The controller may show the last status of one that is on its way out.
                for name in BOARDS:
                    bench.lab.exporters[name].start()
                return all(life.running is not before for life, before in zip(lives, ending, strict=True))

            with bench.lab.inject("controller", "restart", after=0.0, down=SCALE * 0.1):
                for name in leases:
                    bench.lab.controller.release(name)
            assert eventually(all_began_anew, 30.0), "a hook has not ended its board"
            assert bench.recover(5.0) == []
            assert [bench.lab.controller.exporter(name).status for name in BOARDS] == [2, 2, 2]
    finally:
        for life in lives:
            life.change(replace(life.wish, **{hook: None}))


def test_what_was_seen_of_the_boards_last_is_what_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([{"s1": "gone"}, {}, {"s1": "on its way out"}])
    monkeypatch.setattr(bench, "_missing", lambda: next(looks))
    assert bench.recover(5.0) == []
    assert list(looks) == [{"s1": "on its way out"}]
