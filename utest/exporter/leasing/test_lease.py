"""One lease with hooks: which status follows which, version by version, and who hears of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1 as Hook
from JumpstarterLibrary.exporter.leasing import ExporterTiming

READY = "Ready for commands"
AVAILABLE = "Available for new lease"
RELEASED = "Exporter available after lease release"
BEFORE = "Running the beforeLease hook"
AFTER = "Running the afterLease hook"


def fails(on_failure: str) -> Hook:
    return Hook(script="echo oops; exit 3", on_failure=on_failure)  # type: ignore[arg-type]


OOPS = " Its last lines were:\n  oops"
"""The end of the status, for clients that come too late for the log."""

OK = Hook(script="true")


async def gone(bench: Any, exporter: Any) -> None:
    await bench.until(lambda: exporter.lease is None)


def test_a_lease_with_both_hooks_whose_client_ends_it(play: Any, shown: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(before_lease=Hook(script="echo hello"), after_lease=Hook(script="echo bye"))
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        assert await remote.status() == ("LEASE_READY", 3)
        assert await remote.end_session() is True
        assert await remote.logs(2) == [("BEFORE_LEASE_HOOK", "INFO", "hello"), ("AFTER_LEASE_HOOK", "INFO", "bye")]
        await gone(bench, exporter)
        assert shown == [
            (1, "AVAILABLE", AVAILABLE),
            (2, "BEFORE_LEASE_HOOK", BEFORE),
            (3, "LEASE_READY", READY),
            (4, "AFTER_LEASE_HOOK", AFTER),
            (5, "AVAILABLE", AVAILABLE),
            (6, "AVAILABLE", RELEASED),
        ]
        # The exporter gave the lease back by itself, after a pause in which clients could see the fifth status.
        lease = bench.controller.lease("l1")
        assert lease.ended
        calls = bench.calls()
        last_status = len(calls) - 1 - calls[::-1].index("ReportStatus")
        assert calls.index("ReleaseLease") < last_status
        assert bench.reported()[-1] == ("AVAILABLE", RELEASED)

    play(test)


def test_a_lease_with_both_hooks_that_the_controller_ends(play: Any, shown: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(before_lease=OK, after_lease=Hook(script="sleep 0.1"))
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        await remote.status()
        bench.controller.release("l1")
        await bench.until(lambda: bench.statuses()[-1] == "AFTER_LEASE_HOOK")
        # The client that is there can watch; nobody new comes.
        assert await remote.status() == ("AFTER_LEASE_HOOK", 4)
        assert "listens" not in bench.controller.journal.open
        await gone(bench, exporter)
        assert [status for _, status, _ in shown[3:]] == ["AFTER_LEASE_HOOK", "AVAILABLE"]
        assert "ReleaseLease" not in bench.calls()

    play(test)


@pytest.mark.parametrize(("before", "after"), [(OK, None), (None, OK)])
def test_one_hook_is_enough_for_the_exporter_to_release(play: Any, before: Hook | None, after: Hook | None) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(before_lease=before, after_lease=after)
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        await remote.end_session()
        await gone(bench, exporter)
        assert bench.controller.lease("l1").ended
        assert bench.reported()[-1] == ("AVAILABLE", RELEASED)

    play(test)


def test_clients_wait_until_the_hook_is_over(play: Any, tmp_path: Path) -> None:
    go = tmp_path / "go"
    hook = Hook(script=f"while [ ! -e {go} ]; do sleep 0.01; done")

    async def test(bench: Any) -> None:
        exporter = await bench.exporter(before_lease=hook)
        await bench.lease("l1")
        await bench.until(lambda: bench.statuses()[-1] == "BEFORE_LEASE_HOOK")
        remote = await bench.remote("l1")
        report = asyncio.ensure_future(remote.report())
        await bench.until(bench.router.waiting)
        await asyncio.sleep(0.05)
        assert not report.done()
        assert (len(exporter.tunnels), len(bench.router.waiting())) == (0, 1)
        go.touch()
        assert len((await report).reports) == 3

    play(test)


WARNED = f"[HOOK_WARNING] The beforeLease hook failed with exit status 3.{OOPS}"


def test_a_before_hook_that_warns(play: Any, shown: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(before_lease=fails("warn"))
        await bench.ready("l1", exporter)
        assert shown[-1] == (3, "LEASE_READY", WARNED)
        assert bench.reported()[-1] == ("LEASE_READY", WARNED)
        assert await (await bench.remote("l1")).logs(2) == [
            ("BEFORE_LEASE_HOOK", "INFO", "oops"),
            ("BEFORE_LEASE_HOOK", "WARNING", "The beforeLease hook failed with exit status 3 (onFailure: warn)."),
        ]

    play(test)


def test_a_before_hook_that_ends_the_lease(play: Any, shown: Any, tmp_path: Path) -> None:
    go, trace = tmp_path / "go", tmp_path / "after"
    before = Hook(script=f"while [ ! -e {go} ]; do sleep 0.01; done; exit 3", on_failure="endLease")

    async def test(bench: Any) -> None:
        exporter = await bench.exporter(
            before_lease=before,
            after_lease=Hook(script=f"touch {trace}"),
            # Half a second for the client to look.
            timing=ExporterTiming(scale=2),
        )
        await bench.lease("l1")
        await bench.until(lambda: bench.statuses()[-1] == "BEFORE_LEASE_HOOK")
        looking = asyncio.ensure_future((await bench.remote("l1")).status())
        await bench.until(bench.router.waiting)
        go.touch()
        # Who came before it failed hears of it; the controller sends nobody else.
        assert await looking == ("BEFORE_LEASE_HOOK_FAILED", 3)
        await gone(bench, exporter)
        text = "The beforeLease hook failed with exit status 3 (onFailure: endLease)."
        assert shown[1:] == [
            (2, "BEFORE_LEASE_HOOK", BEFORE),
            (3, "BEFORE_LEASE_HOOK_FAILED", text),
            (4, "AVAILABLE", RELEASED),
        ]
        assert bench.controller.lease("l1").ended
        assert not trace.exists()

    play(test)


def test_a_before_hook_that_ends_the_exporter(play: Any, shown: Any, tmp_path: Path) -> None:
    trace = tmp_path / "after"

    async def test(bench: Any) -> None:
        exporter = await bench.exporter(before_lease=fails("exit"), after_lease=Hook(script=f"touch {trace}"))
        await bench.lease("l1")
        await bench.until(lambda: bench.statuses()[-1] == "OFFLINE")
        text = f"The beforeLease hook failed with exit status 3 (onFailure: exit).{OOPS}"
        assert shown[2:] == [
            (3, "BEFORE_LEASE_HOOK_FAILED", text),
            (4, "OFFLINE", f"The exporter stops. {text}"),
        ]
        # However long the lease would have lasted: no client has to come for it to end.
        assert await bench.running[exporter] == 1
        assert bench.calls()[-3:] == ["ReleaseLease", "ReportStatus", "Unregister"]
        assert bench.controller.lease("l1").ended
        assert bench.reported()[-1] == ("OFFLINE", text)
        assert bench.controller.exporter("e1").status_message == f"Exporter shutdown: {text}"
        assert not trace.exists()

    play(test)


@pytest.mark.parametrize("released", [False, True])
def test_an_after_hook_that_warns(play: Any, shown: Any, released: bool) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(after_lease=fails("warn"))
        await end(bench, exporter, released)
        text = f"[HOOK_WARNING] The afterLease hook failed with exit status 3.{OOPS}"
        expected = [(3, "AFTER_LEASE_HOOK", AFTER), (4, "AVAILABLE", text)]
        assert shown[2:] == (expected if released else [*expected, (5, "AVAILABLE", RELEASED)])

    play(test)


async def end(bench: Any, exporter: Any, released: bool) -> None:
    """Have a lease, and end it by the controller or by its client."""
    await bench.ready("l1", exporter)
    if released:
        bench.controller.release("l1")
    else:
        await (await bench.remote("l1")).end_session()
    await gone(bench, exporter)
    assert bench.controller.lease("l1").ended


@pytest.mark.parametrize("released", [False, True])
def test_an_after_hook_that_ends_the_lease(play: Any, shown: Any, released: bool) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(after_lease=fails("endLease"))
        await end(bench, exporter, released)
        text = f"The afterLease hook failed with exit status 3 (onFailure: endLease).{OOPS}"
        assert shown[2:] == [
            (3, "AFTER_LEASE_HOOK", AFTER),
            (4, "AFTER_LEASE_HOOK_FAILED", text),
            (5, "AVAILABLE", AVAILABLE if released else RELEASED),
        ]
        await bench.ready("l2", exporter)

    play(test)


def test_an_after_hook_that_ends_the_exporter(play: Any, shown: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(after_lease=fails("exit"))
        await bench.ready("l1", exporter)
        await (await bench.remote("l1")).end_session()
        await bench.until(lambda: bench.statuses()[-1] == "OFFLINE")
        text = f"The afterLease hook failed with exit status 3 (onFailure: exit).{OOPS}"
        assert shown[3:] == [
            (4, "AFTER_LEASE_HOOK_FAILED", text),
            (5, "OFFLINE", f"The exporter stops. {text}"),
        ]
        assert await bench.running[exporter] == 1
        assert bench.controller.lease("l1").ended
        assert bench.statuses()[-1] == "OFFLINE"

    play(test)


def test_a_lease_that_ends_during_its_before_hook(play: Any, shown: Any, tmp_path: Path) -> None:
    go, order = tmp_path / "go", tmp_path / "order"
    before = Hook(script=f"while [ ! -e {go} ]; do sleep 0.01; done; echo before >> {order}")

    async def test(bench: Any) -> None:
        exporter = await bench.exporter(before_lease=before, after_lease=Hook(script=f"echo after >> {order}"))
        await bench.lease("l1")
        await bench.until(lambda: bench.statuses()[-1] == "BEFORE_LEASE_HOOK")
        await bench.until(lambda: bench.controller.journal.open.get("listens"))
        bench.controller.release("l1")
        await bench.until(lambda: "listens" not in bench.controller.journal.open)
        go.touch()
        await gone(bench, exporter)
        assert [status for _, status, _ in shown] == [
            "AVAILABLE",
            "BEFORE_LEASE_HOOK",
            "AFTER_LEASE_HOOK",
            "AVAILABLE",
        ]
        assert order.read_text() == "before\nafter\n"

    play(test)


def test_a_hook_that_does_not_end(play: Any, shown: Any) -> None:
    async def test(bench: Any) -> None:
        await bench.exporter(before_lease=Hook(script="trap '' TERM; sleep 60", timeout=0.2, on_failure="endLease"))
        await bench.lease("l1")
        await bench.until(lambda: "BEFORE_LEASE_HOOK_FAILED" in bench.statuses())
        assert shown[2] == (
            3,
            "BEFORE_LEASE_HOOK_FAILED",
            "The beforeLease hook did not end within 0.2 seconds (onFailure: endLease).",
        )

    play(test)


def test_stopping_ends_a_before_hook_and_runs_the_after_hook(play: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    async def test(bench: Any) -> None:
        exporter = await bench.exporter(
            before_lease=Hook(script=f"echo begun > {trace}; sleep 60; echo survived >> {trace}"),
            after_lease=Hook(script=f"echo after >> {trace}"),
        )
        await bench.lease("l1")
        await bench.until(lambda: trace.exists() and trace.read_text())
        await exporter.stop()
        assert await bench.running[exporter] == 0
        assert trace.read_text() == "begun\nafter\n"
        assert bench.controller.lease("l1").ended
        # Nobody is told of what follows, so that nobody takes the exporter for available.
        assert bench.statuses() == ["AVAILABLE", "BEFORE_LEASE_HOOK", "OFFLINE"]

    play(test)


def test_a_crash_kills_a_hook(play: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    async def test(bench: Any) -> None:
        exporter = await bench.exporter(
            before_lease=Hook(script=f"echo $$ > {trace}; sleep 60"), after_lease=Hook(script=f"echo x >> {trace}")
        )
        await bench.lease("l1")
        await bench.until(lambda: trace.exists() and trace.read_text())
        await exporter.crash()
        pid = trace.read_text().strip()
        assert pid.isdecimal()
        assert not Path(f"/proc/{pid}").exists()

    play(test)


def test_a_release_is_tried_until_it_works(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(after_lease=OK)
        await bench.ready("l1", exporter)
        fault = bench.controller.faults.add("ReleaseLease", code=grpc.StatusCode.UNAVAILABLE, details="busy", times=3)
        await (await bench.remote("l1")).end_session()
        await gone(bench, exporter)
        assert fault.hits == 3
        assert bench.controller.lease("l1").ended

    play(test)


def test_a_release_that_cannot_work_is_not_tried_again(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(after_lease=OK)
        await bench.ready("l1", exporter)
        fault = bench.controller.faults.add("ReleaseLease", code=grpc.StatusCode.UNIMPLEMENTED, details="no")
        await (await bench.remote("l1")).end_session()
        await gone(bench, exporter)
        assert fault.hits == 1
        # It does not begin with the same lease again, which the controller still names.
        assert not bench.controller.lease("l1").ended
        await bench.controller.stop_serving()
        await bench.controller.start_serving()
        await bench.until(lambda: bench.controller.journal.open.get("controller streams"))
        await asyncio.sleep(0.05)
        assert exporter.lease is None

    play(test)


def test_a_release_ends_with_the_lease(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(after_lease=OK)
        await bench.ready("l1", exporter)
        bench.controller.faults.add("ReleaseLease", code=grpc.StatusCode.UNAVAILABLE, details="busy")
        await (await bench.remote("l1")).end_session()
        await bench.until(lambda: "ReleaseLease" in bench.calls())
        bench.controller.release("l1")
        await gone(bench, exporter)

    play(test)


def test_what_a_hook_leaves_for_clients(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(motd="Hello.", before_lease=Hook(script="echo Slot 7 > $JMP_MOTD_FILE"))
        await bench.ready("l1", exporter)
        assert (await (await bench.remote("l1")).report()).motd == "Hello.\nSlot 7"

    play(test)


SCRIPT = """
import os
import grpc
from JumpstarterLibrary.protocol import ExporterStub, jumpstarter_pb2
from JumpstarterLibrary.protocol.wellknown import Empty
with grpc.insecure_channel("unix:" + os.environ["JUMPSTARTER_HOST"]) as channel:
    stub = ExporterStub(channel)
    drivers = stub.get_report(Empty(), timeout=10).reports
    power = next(driver.uuid for driver in drivers if driver.labels.get("jumpstarter.dev/name") == "power")
    stub.driver_call(jumpstarter_pb2.DriverCallRequest(uuid=power, method="on"), timeout=10)
print("switched on for", os.environ["CLIENT_NAME"])
"""


def test_a_hook_can_use_the_drivers(play: Any, tmp_path: Path) -> None:
    script = tmp_path / "hook.py"
    script.write_text(SCRIPT)

    async def test(bench: Any) -> None:
        exporter = await bench.exporter(before_lease=Hook(script=str(script), on_failure="endLease"))
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        assert await remote.logs(2) == [
            ("DRIVER", "INFO", "power on"),
            ("BEFORE_LEASE_HOOK", "INFO", "switched on for alice"),
        ]

    play(test)
