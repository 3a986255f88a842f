"""A hook before the lease that fails is told as such, whichever of status, end of the lease and loss comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.events import Event, LogRecord, Notice
from JumpstarterLibrary.client.leasing.hooks import HookFailure, HookLog
from JumpstarterLibrary.client.link import ExporterState, Link
from JumpstarterLibrary.errors import HookFailed, JumpstarterError, LeaseExpired, LeaseReleased
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.lab.refusal import Refusal
from JumpstarterLibrary.protocol import common_pb2

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]

AVAILABLE = common_pb2.EXPORTER_STATUS_AVAILABLE
BEFORE_LEASE_HOOK_FAILED = common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK_FAILED

WORDS = "The cable is not plugged in."
RELEASED = "Exporter available after lease release"

CANNOT = "Exporter 'b1' of lease 'mine' cannot be used, because its hook before the lease failed"
TOLD = f"{CANNOT}: The cable is not plugged in. Look at its log."
CONCLUDED = f"{CANNOT}: the exporter released the lease before a client could use it. Look at its log."


def show(rig: Any, status: int, message: str) -> None:
    """Let the controller know this status of the exporter, and no other one any more."""
    rig.lab.controller.faults.add("ReportStatus", caller="b1", act=lambda _: Refusal("not now", Code.UNAVAILABLE))
    rig.lab.controller.report("b1", status, message)


def release(rig: Any) -> None:
    """Release the lease as an exporter does whose hook has failed."""
    show(rig, AVAILABLE, RELEASED)
    rig.lab.controller.release("mine")


def refusal(join: Callable[[], Any], kind: type[JumpstarterError]) -> str:
    with pytest.raises(JumpstarterError) as info:
        join()
    assert type(info.value) is kind
    return str(info.value)


@pytest.fixture
def waiting(rig: Any, during: During, eventually: Eventually) -> Iterator[Callable[[], Any]]:
    """Somebody who has a way to the exporter, and waits for its report; returns what waits for the outcome."""
    rig.lab.router.behaviour.never_pair = True
    join = during(lambda: rig.lease(timeout=60, name="mine"))
    eventually(lambda: rig.codes("Dial") == ["OK"])
    eventually(lambda: rig.lab.controller.exporter("b1").status == common_pb2.EXPORTER_STATUS_LEASE_READY)
    yield join
    rig.lab.router.behaviour.never_pair = False


# While the report is awaited


def test_a_status_that_is_seen_before_the_end_of_the_lease(
    rig: Any, waiting: Callable[[], Any], eventually: Eventually
) -> None:
    show(rig, BEFORE_LEASE_HOOK_FAILED, WORDS)
    looks = len(rig.codes("GetExporter"))
    eventually(lambda: len(rig.codes("GetExporter")) > looks + 1)
    release(rig)
    assert refusal(waiting, HookFailed) == TOLD


def test_a_status_that_comes_with_the_end_of_the_lease(rig: Any, waiting: Callable[[], Any]) -> None:
    rig.fault("GetLease", act=lambda _: rig.lab.controller.release("mine"))
    show(rig, BEFORE_LEASE_HOOK_FAILED, WORDS)
    assert refusal(waiting, HookFailed) == TOLD


def test_an_end_of_the_lease_that_is_seen_when_the_status_has_gone(rig: Any, waiting: Callable[[], Any]) -> None:
    rig.fault("GetLease", act=lambda _: release(rig))
    assert refusal(waiting, HookFailed) == CONCLUDED


def test_an_end_of_the_lease_without_a_sign_of_a_hook(rig: Any, waiting: Callable[[], Any]) -> None:
    rig.lab.controller.release("mine")
    assert refusal(waiting, LeaseReleased).startswith("Lease 'mine' of exporter 'b1' was released, but not by this run")


def test_a_lease_that_has_expired_is_told_as_such(rig: Any, waiting: Callable[[], Any]) -> None:
    show(rig, AVAILABLE, RELEASED)
    rig.lab.controller.expire("mine")
    assert refusal(waiting, LeaseExpired).startswith("Lease 'mine' of exporter 'b1' has expired")


# Before


@pytest.mark.parametrize(
    ("shown", "details", "text"),
    [
        ((BEFORE_LEASE_HOOK_FAILED, WORDS), "exporter beforeLease hook failed", TOLD),
        ((AVAILABLE, RELEASED), "exporter beforeLease hook failed", f"{CANNOT}. Look at its log."),
        ((BEFORE_LEASE_HOOK_FAILED, WORDS), "exporter is not ready (status: Available)", TOLD),
        ((AVAILABLE, RELEASED), "exporter is not ready (status: Available)", CONCLUDED),
    ],
)
def test_a_way_that_is_refused_when_the_lease_has_ended(
    rig: Any, shown: tuple[int, str], details: str, text: str
) -> None:
    def refuse(_: Any) -> Refusal:
        show(rig, *shown)
        rig.lab.controller.release("mine")
        return Refusal(details, Code.FAILED_PRECONDITION)

    rig.fault("Dial", act=refuse)
    assert refusal(lambda: rig.lease(name="mine"), HookFailed) == text


def unseen(rig: Any, end: Callable[[], None]) -> None:
    """Let a lease end before the client hears that it began."""

    def look(_: Any) -> Refusal | None:
        found = rig.lab.controller.lease("mine")
        if found.ended:
            return None
        if found.exporter:
            end()
        return Refusal("not now", Code.UNAVAILABLE)

    rig.fault("GetLease", act=look)


@pytest.mark.parametrize(
    ("shown", "text"), [((BEFORE_LEASE_HOOK_FAILED, WORDS), TOLD), ((AVAILABLE, RELEASED), CONCLUDED)]
)
def test_a_lease_that_has_ended_before_anybody_knew_that_it_began(rig: Any, shown: tuple[int, str], text: str) -> None:
    def end() -> None:
        show(rig, *shown)
        rig.lab.controller.release("mine")

    unseen(rig, end)
    assert refusal(lambda: rig.lease(name="mine"), HookFailed) == text
    assert rig.codes("Dial") == []


def test_a_lease_that_somebody_releases_before_it_is_used(rig: Any) -> None:
    unseen(rig, lambda: rig.lab.controller.release("mine"))
    text = refusal(lambda: rig.lease(name="mine"), LeaseReleased)
    assert text.startswith("Lease 'mine' of exporter 'b1' was released, but not by this run")
    assert rig.codes("Dial") == []


# When the exporter answers


@pytest.fixture
def failing(rigs: Any, boards_of: Any, tmp_path: Path) -> Any:
    """A lab whose exporter releases each lease, because its hook fails as soon as there is a file ``go``."""
    script = f"until test -e {tmp_path}/go; do sleep 0.02; done; echo no cable; exit 3"
    hook = HookInstanceConfigV1Alpha1(script=script, timeout=60, on_failure="endLease")
    return rigs(exporters=boards_of(before_lease=hook))


@pytest.fixture
def heard(failing: Any) -> threading.Event:
    """Set as soon as the hook's line was heard."""
    heard = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, LogRecord) and event.message == "no cable":
            heard.set()

    failing.events.subscribe(listen)
    return heard


@pytest.fixture
def connecting(failing: Any, tmp_path: Path, during: During, eventually: Eventually) -> Callable[[], Any]:
    """Begin to connect while the hook runs, which fails then; return what waits for the outcome."""

    def begin() -> Callable[[], Any]:
        join = during(lambda: failing.lease(timeout=60, name="mine"))
        eventually(lambda: failing.codes("Dial") == ["OK"])
        (tmp_path / "go").touch()
        return join

    return begin


def hold_release(rig: Any, until: threading.Event) -> None:
    """Let the exporter not release its lease before an event."""
    rig.lab.controller.faults.add(
        "ReleaseLease", caller="b1", act=lambda _: None if until.is_set() else Refusal("not yet", Code.UNAVAILABLE)
    )


def test_a_status_that_is_read_in_time_is_told_with_the_hooks_lines(
    failing: Any, heard: threading.Event, connecting: Callable[[], Any]
) -> None:
    # The client asks for its lease again when it has read the status.
    read = threading.Event()
    failing.fault("GetLease", act=lambda _: read.set() if heard.is_set() else None)
    hold_release(failing, until=read)
    text = refusal(connecting(), HookFailed)
    assert text.startswith(f"{CANNOT}: The beforeLease hook failed with exit status 3")
    assert "\n  no cable" in text
    assert failing.active() == []


def test_a_status_that_is_read_too_late_is_concluded_from_the_end_and_told_with_the_hooks_lines(
    failing: Any,
    heard: threading.Event,
    connecting: Callable[[], Any],
    eventually: Eventually,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold_release(failing, until=heard)
    get_status = Link.get_status

    def late(self: Link, *args: Any) -> ExporterState:
        eventually(lambda: failing.active() == [])
        eventually(lambda: failing.lab.exporters["b1"].session is None)
        return get_status(self, *args)

    monkeypatch.setattr(Link, "get_status", late)
    join = connecting()
    eventually(lambda: failing.active() == [])
    # The lease is looked at while the controller holds the answer to the next Dial back.
    eventually(lambda: clock.advance(0.05) or join.over)
    text = refusal(join, HookFailed)
    assert text.startswith(
        f"{CANNOT}: the exporter released the lease before a client could use it. Its last lines were:\n  no cable"
    )


def test_a_session_that_tells_of_the_release_itself(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    def lease() -> Any:
        with clock.skipping_pauses(rig.settled):
            return rig.lease(timeout=60, name="mine")

    fault = rig.hold("Dial")
    join = during(lease)
    eventually(lambda: fault.hits and rig.session_ready())
    rig.lab.exporters["b1"].session.update_status(AVAILABLE, RELEASED)
    fault.clear()
    assert refusal(join, HookFailed) == CONCLUDED


# What a status tells


@pytest.mark.parametrize(
    ("status", "message", "failure"),
    [
        ("BEFORE_LEASE_HOOK_FAILED", WORDS, HookFailure("before", WORDS)),
        ("AFTER_LEASE_HOOK_FAILED", "", HookFailure("after")),
        ("OFFLINE", "It stops, as the hook failed.", HookFailure("before", "It stops, as the hook failed.")),
        ("OFFLINE", "afterLease hook failed", HookFailure("after", "afterLease hook failed")),
        ("OFFLINE", "Rebooting", None),
        ("AVAILABLE", RELEASED, None),  # perhaps another lease, before this one
        ("LEASE_READY", "[HOOK_WARNING] the hook failed", None),
        ("BEFORE_LEASE_HOOK", "Running the beforeLease hook", None),
    ],
)
def test_which_status_tells_of_a_failed_hook(status: str, message: str, failure: HookFailure | None) -> None:
    assert HookFailure.of(status, message) == failure


def test_a_failure_is_kept_until_the_next_hook_begins() -> None:
    log = HookLog()
    log.note("BEFORE_LEASE_HOOK", "")
    assert log.failure is None
    log.note("BEFORE_LEASE_HOOK_FAILED", WORDS)
    log.note("AVAILABLE", RELEASED)
    assert log.failure == HookFailure("before", WORDS)
    log.put(Notice("no line"))
    log.forget()
    assert log.failure is None
