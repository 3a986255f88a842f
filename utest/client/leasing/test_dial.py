"""Dial: each refusal of the controller gets its own answer, and none of them hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing import dial as dial_module
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.dial import Dialer, Way
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.state import Phase
from JumpstarterLibrary.errors import (
    AuthenticationError,
    ControllerUnreachable,
    ExporterNotReady,
    ExporterOffline,
    HookFailed,
    JumpstarterError,
    LeaseError,
    LeaseExpired,
    LeaseNotOwned,
    LeaseReleased,
    LeaseTransferred,
    NoSuchLease,
    TlsError,
    TokenExpired,
)

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]

NOT_LISTENING = {"code": Code.UNAVAILABLE, "details": "exporter is not listening on lease x"}
NOT_READY = {"code": Code.FAILED_PRECONDITION, "details": "exporter is not ready (status: Available)"}
FULL = {"code": Code.RESOURCE_EXHAUSTED, "details": "listener buffer full on lease x"}
OFFLINE = {"code": Code.FAILED_PRECONDITION, "details": "exporter is offline"}
LATE = {"code": Code.DEADLINE_EXCEEDED, "details": "context deadline exceeded"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module, "LAST_PAUSE_S", 0.1)
    monkeypatch.setattr(dial_module, "FULL_PAUSE_S", 0.1)
    monkeypatch.setattr(dial_module, "OFFLINE_S", 0.3)
    monkeypatch.setattr(dial_module, "FREE_S", 0.2)
    monkeypatch.setattr(dial_module, "WATCH_S", 0.3)


def dial(rig: Any, lease: Lease, timeout: float = 5, tick: Callable[[], None] = lambda: None) -> Way:
    return Dialer(lease, tick).dial(Deadline(timeout))


def refusal(rig: Any, kind: type[JumpstarterError], timeout: float = 5) -> str:
    lease = rig.only_lease()
    with pytest.raises(kind) as info:
        dial(rig, lease, timeout)
    assert type(info.value) is kind
    return str(info.value)


def test_a_way_is_a_router_and_a_token(rig: Any) -> None:
    way = dial(rig, rig.only_lease())
    assert way.endpoint == rig.lab.router.endpoint
    assert len(way.token.split(".")) == 3
    assert rig.codes("Dial") == ["OK"]


@pytest.mark.parametrize("fault", [NOT_LISTENING, NOT_READY, FULL, OFFLINE, LATE], ids=lambda fault: fault["details"])
def test_what_passes_is_waited_out(rig: Any, fault: dict[str, Any]) -> None:
    ticks: list[int] = []
    rig.fault("Dial", times=2, **fault)
    lease = rig.only_lease()
    begin = time.monotonic()
    dial(rig, lease, 5, lambda: ticks.append(1))
    assert rig.codes("Dial") == [fault["code"].name] * 2 + ["OK"]
    assert time.monotonic() - begin < 1
    assert ticks


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (NOT_LISTENING, "does not listen for clients"),
        (NOT_READY, "is not ready: exporter is not ready (status: Available)"),
        (FULL, "takes no more connections"),
        (LATE, "was not ready in time"),
    ],
)
def test_what_does_not_pass_is_told_at_last(rig: Any, fault: dict[str, Any], what: str) -> None:
    rig.fault("Dial", **fault)
    begin = time.monotonic()
    assert refusal(rig, ExporterNotReady, 0.4) == (
        f"The exporter 'b1' of lease 'lease-of-tester' {what}; that did not change within 400 milliseconds. Look at "
        f"the "
        f"exporter's log, or acquire another exporter."
    )
    assert time.monotonic() - begin < 1.5
    assert len(rig.codes("Dial")) > 2


def test_an_exporter_that_stays_offline_is_given_up(rig: Any) -> None:
    rig.fault("Dial", **OFFLINE)
    begin = time.monotonic()
    assert refusal(rig, ExporterOffline, 60) == (
        "The exporter 'b1' of lease 'lease-of-tester' is offline (Ready for commands). Wait until it is back, or "
        "acquire another exporter."
    )
    assert 0.2 < time.monotonic() - begin < 2


def test_an_exporter_that_comes_back_is_waited_for(
    rig: Any, during: During, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial_module, "OFFLINE_S", 10.0)
    lease = rig.only_lease()
    rig.lab.exporters["b1"].stop()
    join = during(lambda: dial(rig, lease, 20))
    eventually(lambda: "FAILED_PRECONDITION" in rig.codes("Dial"))
    rig.lab.exporters["b1"].start()
    assert join().endpoint == rig.lab.router.endpoint


@pytest.mark.parametrize(("word", "when"), [("beforeLease", "before"), ("afterLease", "after")])
def test_a_failed_hook_is_told_at_once_with_the_exporters_words(rig: Any, word: str, when: str) -> None:
    rig.fault("Dial", code=Code.FAILED_PRECONDITION, details=f"exporter {word} hook failed")
    rig.lab.controller.state.exporters["b1"].status_message = "The cable is not plugged in."
    text = refusal(rig, HookFailed)
    assert text.startswith(
        f"The exporter 'b1' of lease 'lease-of-tester' cannot be used, because its hook {when} the lease failed: "
    )
    assert text.endswith(". Look at the exporter's log.")
    assert rig.codes("Dial") == ["FAILED_PRECONDITION"]


def test_a_status_that_nobody_knows_is_waited_out(rig: Any) -> None:
    rig.fault("Dial", times=1, code=Code.FAILED_PRECONDITION, details="exporter not ready (status: Rebooting)")
    dial(rig, rig.only_lease())
    assert rig.codes("Dial") == ["FAILED_PRECONDITION", "OK"]


def test_a_lease_that_is_not_ours_is_told_at_once(rig: Any) -> None:
    rig.fault("Dial", code=Code.UNKNOWN, details="permission denied")
    assert refusal(rig, LeaseNotOwned) == (
        "Lease 'lease-of-tester' is not this client's (default/tester). Ask its owner to transfer it, or acquire "
        "another "
        "one."
    )


def test_a_transfer_is_told_with_the_new_owner(rig: Any) -> None:
    lease = rig.only_lease()
    rig.lab.controller.transfer(lease.name, "other")
    with pytest.raises(LeaseTransferred) as info:
        dial(rig, lease)
    assert str(info.value) == (
        "Lease 'lease-of-tester' of exporter 'b1' was transferred to client 'other'. Ask its new owner, or acquire "
        "another lease."
    )
    rig.lab.controller.release(lease.name)


@pytest.mark.parametrize("fault", [NOT_LISTENING, NOT_READY, FULL, OFFLINE, LATE], ids=lambda fault: fault["details"])
@pytest.mark.parametrize(("act", "kind"), [("release", LeaseReleased), ("expire", LeaseExpired)])
def test_nobody_waits_for_the_exporter_of_a_dead_lease(
    rig: Any, fault: dict[str, Any], act: str, kind: type[LeaseError]
) -> None:
    lease = rig.only_lease()
    getattr(rig.lab.controller, act)(lease.name)
    rig.fault("Dial", **fault)
    begin = time.monotonic()
    with pytest.raises(kind):
        dial(rig, lease, 60)
    assert time.monotonic() - begin < 1


def test_an_end_that_somebody_else_notices_ends_the_wait(rig: Any, during: During, eventually: Eventually) -> None:
    lease = rig.only_lease()
    fault = rig.fault("Dial", **NOT_READY)
    join = during(lambda: dial(rig, lease, 60))
    eventually(lambda: fault.hits)
    lease.end(LeaseReleased("Somebody saw it end."))
    begin = time.monotonic()
    with pytest.raises(LeaseReleased, match=r"^Somebody saw it end\.$"):
        join()
    assert time.monotonic() - begin < 1
    rig.lab.controller.release(lease.name)


def test_the_end_of_a_lease_ends_a_dial_that_the_controller_holds_back(
    rig: Any, during: During, eventually: Eventually
) -> None:
    lease = rig.only_lease()
    fault = rig.fault("Dial", delay=20 * rig.lab.clock.scale)
    join = during(lambda: dial(rig, lease, 60))
    eventually(lambda: fault.hits)
    rig.lab.controller.expire(lease.name)
    begin = time.monotonic()
    with pytest.raises(LeaseExpired):
        join()
    assert time.monotonic() - begin < 4


def test_a_lease_without_an_exporter_is_told(rig: Any) -> None:
    rig.only_lease(client="other")
    controller = rig.controller_of(rig.settings)
    controller.create_lease(LeaseRequest(selector="board=b"), "waits")
    lease = Lease(controller, "waits", rig.events, ours=True)
    deadline = Deadline(5)
    while lease.state().phase is not Phase.waiting or not lease.state().reason:
        assert not deadline.expired
    with pytest.raises(LeaseError) as info:
        dial(rig, lease)
    assert str(info.value) == "Lease 'waits' has no exporter any more: NotAvailable."
    assert lease.release() is True


def test_a_lease_that_became_ready_just_now_is_dialled_again(rig: Any) -> None:
    rig.fault("Dial", times=1, code=Code.UNKNOWN, details="lease not active")
    dial(rig, rig.only_lease())
    assert rig.codes("Dial") == ["UNKNOWN", "OK"]


@pytest.mark.parametrize(
    ("code", "details", "kind", "begin"),
    [
        (Code.UNKNOWN, 'leases.jumpstarter.dev "x" not found', NoSuchLease, "The controller {} knows nothing of a way"),
        (Code.UNKNOWN, "no router available", LeaseError, "The controller {} refused a way to lease "),
        (Code.UNKNOWN, "token is expired", TokenExpired, "The token of client default/tester (the test) has expired."),
        (
            Code.UNAUTHENTICATED,
            "invalid",
            AuthenticationError,
            "The controller {} did not accept client default/tester",
        ),
        (
            Code.UNAVAILABLE,
            "failed to connect to all addresses; last error: Ssl handshake failed",
            TlsError,
            "The secure connection to controller {} could not be made: ",
        ),
    ],
)
def test_what_does_not_pass_by_itself_is_told_at_once(
    rig: Any, code: grpc.StatusCode, details: str, kind: type[JumpstarterError], begin: str
) -> None:
    rig.fault("Dial", code=code, details=details)
    started = time.monotonic()
    assert refusal(rig, kind, 60).startswith(begin.format(rig.lab.endpoint))
    assert time.monotonic() - started < 1


def test_a_controller_that_is_away_is_waited_for(rig: Any) -> None:
    lease = rig.only_lease()
    rig.fault("*", code=Code.UNAVAILABLE, details="no leader", times=8)
    assert dial(rig, lease).endpoint == rig.lab.router.endpoint


def test_a_controller_that_stays_away_is_told(rig: Any) -> None:
    lease = rig.only_lease()
    fault = rig.fault("*", code=Code.UNAVAILABLE, details="no leader")
    begin = time.monotonic()
    with pytest.raises(ControllerUnreachable) as info:
        dial(rig, lease, 0.5)
    assert time.monotonic() - begin < 2
    fault.clear()
    assert str(info.value) == (
        f"The controller {rig.lab.endpoint} could not make a way to exporter 'b1' of lease 'lease-of-tester': no "
        f"leader."
    )


def test_a_controller_that_does_not_answer_is_bounded(rig: Any) -> None:
    lease = rig.only_lease()
    rig.fault("Dial", delay=100 * rig.lab.clock.scale)
    begin = time.monotonic()
    with pytest.raises(
        ExporterNotReady, match=r"^The exporter 'b1' of lease 'lease-of-tester' was not ready in time; "
    ):
        dial(rig, lease, 0.5)
    assert time.monotonic() - begin < 2


def test_dials_of_many_threads_each_get_their_own_way(rig: Any, during: During) -> None:
    lease = rig.only_lease()
    ways = [join() for join in [during(lambda: dial(rig, lease)) for _ in range(6)]]
    assert len({way.token for way in ways}) == 6
    threading.Event().wait(0)
