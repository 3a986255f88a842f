"""Dial: each refusal of the controller gets its own answer, and none of them hangs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.dial import (
    ATTEMPT_S,
    FREE_S,
    LAST_PAUSE_S,
    OFFLINE_S,
    WATCH_S,
    Dialer,
    RouterEndpoint,
)
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
from JumpstarterLibrary.lab.refusal import Refusal
from JumpstarterLibrary.protocol import common_pb2

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]

NOT_LISTENING = {"code": Code.UNAVAILABLE, "details": "exporter is not listening on lease x"}
NOT_READY = {"code": Code.FAILED_PRECONDITION, "details": "exporter is not ready (status: Available)"}
FULL = {"code": Code.RESOURCE_EXHAUSTED, "details": "listener buffer full on lease x"}
OFFLINE = {"code": Code.FAILED_PRECONDITION, "details": "exporter is offline"}
LATE = {"code": Code.DEADLINE_EXCEEDED, "details": "context deadline exceeded"}


LIMIT_S = 60.0


class Dialing:
    """Dials, in a time that passes only by the pauses between two attempts, and at once.

    Attributes:
        passed: How long the last attempts took, in seconds of the client's clock.
    """

    def __init__(self, rig: Any, clock: MovableClock) -> None:
        self._rig, self._clock = rig, clock
        self.passed = 0.0

    def __call__(
        self, lease: Lease, timeout: float = LIMIT_S, tick: Callable[[], None] = lambda: None
    ) -> RouterEndpoint:
        begin = self._clock.seconds()
        try:
            with self._clock.skipping_pauses(self._rig.settled):
                return Dialer(lease, tick).dial(Deadline(timeout))
        finally:
            self.passed = self._clock.seconds() - begin

    def refusal(self, kind: type[JumpstarterError], timeout: float = LIMIT_S) -> str:
        lease = self._rig.only_lease()
        with pytest.raises(kind) as info:
            self(lease, timeout)
        assert type(info.value) is kind
        return str(info.value)


@pytest.fixture
def dialing(rig: Any, frozen_clock: MovableClock) -> Dialing:
    return Dialing(rig, frozen_clock)


def test_a_way_is_a_router_and_a_token(rig: Any, dialing: Dialing) -> None:
    way = dialing(rig.only_lease())
    assert way.endpoint == rig.lab.router.endpoint
    assert len(way.token.split(".")) == 3
    assert rig.codes("Dial") == ["OK"]


@pytest.mark.parametrize("fault", [NOT_LISTENING, NOT_READY, FULL, OFFLINE, LATE], ids=lambda fault: fault["details"])
def test_what_passes_is_waited_out(rig: Any, dialing: Dialing, fault: dict[str, Any]) -> None:
    ticks: list[int] = []
    rig.fault("Dial", times=2, **fault)
    lease = rig.only_lease()
    dialing(lease, tick=lambda: ticks.append(1))
    assert rig.codes("Dial") == [fault["code"].name] * 2 + ["OK"]
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
def test_what_does_not_pass_is_told_at_last(rig: Any, dialing: Dialing, fault: dict[str, Any], what: str) -> None:
    rig.fault("Dial", **fault)
    assert dialing.refusal(ExporterNotReady, 20) == (
        f"The exporter 'b1' of lease 'lease-of-tester' {what}; that did not change within 20 seconds. Look at the "
        f"exporter's log, or acquire another exporter."
    )
    assert 20 <= dialing.passed < 20 + LAST_PAUSE_S
    # A second apart, after some quick attempts.
    assert 20 <= len(rig.codes("Dial")) <= 30


def test_an_exporter_that_stays_offline_is_given_up(rig: Any, dialing: Dialing) -> None:
    rig.fault("Dial", **OFFLINE)
    assert dialing.refusal(ExporterOffline) == (
        "The exporter 'b1' of lease 'lease-of-tester' is offline (Ready for commands). Wait until it is back, or "
        "acquire another exporter."
    )
    assert OFFLINE_S <= dialing.passed <= OFFLINE_S + LAST_PAUSE_S + FREE_S


def test_an_exporter_that_comes_back_is_waited_for(
    rig: Any, dialing: Dialing, during: During, eventually: Eventually, frozen_clock: MovableClock
) -> None:
    lease = rig.only_lease()
    rig.lab.exporters["b1"].stop()
    join = during(lambda: Dialer(lease).dial(Deadline(LIMIT_S)))
    eventually(lambda: "FAILED_PRECONDITION" in rig.codes("Dial"))
    rig.lab.exporters["b1"].start()
    # Little by little: it is waited for while it is offline for less than 10 seconds.
    eventually(lambda: frozen_clock.advance(0.01) or rig.codes("Dial")[-1] == "OK")
    assert join().endpoint == rig.lab.router.endpoint


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_hook_is_told_at_once_with_the_exporters_words(rig: Any, dialing: Dialing, when: str) -> None:
    status = common_pb2.ExporterStatus.Value(f"EXPORTER_STATUS_{when.upper()}_LEASE_HOOK_FAILED")

    def refuse(_: Any) -> Refusal:
        rig.lab.controller.faults.add("ReportStatus", caller="b1", act=lambda _: Refusal("not now", Code.UNAVAILABLE))
        rig.lab.controller.report("b1", status, "The cable is not plugged in.")
        return Refusal(f"exporter {when}Lease hook failed", Code.FAILED_PRECONDITION)

    rig.fault("Dial", act=refuse)
    assert dialing.refusal(HookFailed) == (
        f"Exporter 'b1' of lease 'lease-of-tester' cannot be used, because its hook {when} the lease failed: The cable "
        f"is not plugged in. Look at its log."
    )
    assert rig.codes("Dial") == ["FAILED_PRECONDITION"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_hook_whose_words_have_gone_is_told_without_them(rig: Any, dialing: Dialing, when: str) -> None:
    rig.fault("Dial", code=Code.FAILED_PRECONDITION, details=f"exporter {when}Lease hook failed")
    assert dialing.refusal(HookFailed) == (
        f"Exporter 'b1' of lease 'lease-of-tester' cannot be used, because its hook {when} the lease failed. Look at "
        f"its log."
    )


def test_a_status_that_nobody_knows_is_waited_out(rig: Any, dialing: Dialing) -> None:
    rig.fault("Dial", times=1, code=Code.FAILED_PRECONDITION, details="exporter not ready (status: Rebooting)")
    dialing(rig.only_lease())
    assert rig.codes("Dial") == ["FAILED_PRECONDITION", "OK"]


def test_a_lease_that_is_not_ours_is_told_at_once(rig: Any, dialing: Dialing) -> None:
    rig.fault("Dial", code=Code.UNKNOWN, details="permission denied")
    assert dialing.refusal(LeaseNotOwned) == (
        "Lease 'lease-of-tester' is not this client's (default/tester). Ask its owner to transfer it, or acquire "
        "another "
        "one."
    )


def test_a_transfer_is_told_with_the_new_owner(rig: Any, dialing: Dialing) -> None:
    lease = rig.only_lease()
    rig.lab.controller.transfer(lease.name, "other")
    with pytest.raises(LeaseTransferred) as info:
        dialing(lease)
    assert str(info.value) == (
        "Lease 'lease-of-tester' of exporter 'b1' was transferred to client 'other'. Ask its new owner, or acquire "
        "another lease."
    )
    rig.lab.controller.release(lease.name)


@pytest.mark.parametrize("fault", [NOT_LISTENING, NOT_READY, FULL, OFFLINE, LATE], ids=lambda fault: fault["details"])
@pytest.mark.parametrize(("act", "kind"), [("release", LeaseReleased), ("expire", LeaseExpired)])
def test_nobody_waits_for_the_exporter_of_a_dead_lease(
    rig: Any, dialing: Dialing, fault: dict[str, Any], act: str, kind: type[LeaseError]
) -> None:
    lease = rig.only_lease()
    getattr(rig.lab.controller, act)(lease.name)
    rig.fault("Dial", **fault)
    with pytest.raises(kind):
        dialing(lease)
    assert len(rig.codes("Dial")) == 1


def test_an_end_that_somebody_else_notices_ends_the_wait(
    rig: Any, dialing: Dialing, during: During, eventually: Eventually
) -> None:
    lease = rig.only_lease()
    fault = rig.fault("Dial", **NOT_READY)
    join = during(lambda: dialing(lease))
    eventually(lambda: fault.hits)
    lease.end(LeaseReleased("Somebody saw it end."))
    with pytest.raises(LeaseReleased, match=r"^Somebody saw it end\.$"):
        join()
    assert dialing.passed < LIMIT_S
    rig.lab.controller.release(lease.name)


def test_the_end_of_a_lease_ends_a_dial_that_the_controller_holds_back(
    rig: Any, dialing: Dialing, during: During, eventually: Eventually, frozen_clock: MovableClock
) -> None:
    lease = rig.only_lease()
    fault = rig.hold("Dial")
    join = during(lambda: dialing(lease))
    eventually(lambda: fault.hits)
    rig.lab.controller.expire(lease.name)
    looked, begin = len(rig.calls("GetLease")), frozen_clock.seconds()
    eventually(lambda: frozen_clock.advance(0.01) or len(rig.calls("GetLease")) > looked)
    assert WATCH_S <= frozen_clock.seconds() - begin < ATTEMPT_S / 2
    with pytest.raises(LeaseExpired):
        join()


def test_a_lease_without_an_exporter_is_told(rig: Any, dialing: Dialing, eventually: Eventually) -> None:
    rig.only_lease(client="other")
    controller = rig.controller_of(rig.settings)
    controller.create_lease(LeaseRequest(selector="board=b"), "waits")
    lease = Lease(controller, "waits", rig.events, ours=True)
    eventually(lambda: lease.state().phase is Phase.waiting and lease.state().reason)
    with pytest.raises(LeaseError) as info:
        dialing(lease)
    assert str(info.value) == "Lease 'waits' has no exporter any more: NotAvailable."
    assert lease.release() is True


def test_a_lease_that_became_ready_just_now_is_dialled_again(rig: Any, dialing: Dialing) -> None:
    rig.fault("Dial", times=1, code=Code.UNKNOWN, details="lease not active")
    dialing(rig.only_lease())
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
    rig: Any, dialing: Dialing, code: grpc.StatusCode, details: str, kind: type[JumpstarterError], begin: str
) -> None:
    rig.fault("Dial", code=code, details=details)
    assert dialing.refusal(kind).startswith(begin.format(rig.lab.endpoint))
    assert rig.codes("Dial") == [code.name]


def test_a_controller_that_is_away_is_waited_for(rig: Any, dialing: Dialing) -> None:
    lease = rig.only_lease()
    rig.fault("*", code=Code.UNAVAILABLE, details="no leader", times=8)
    assert dialing(lease).endpoint == rig.lab.router.endpoint


def test_a_controller_that_stays_away_is_told(rig: Any, dialing: Dialing) -> None:
    lease = rig.only_lease()
    fault = rig.fault("*", code=Code.UNAVAILABLE, details="no leader")
    with pytest.raises(ControllerUnreachable) as info:
        dialing(lease, 20)
    assert 20 <= dialing.passed < 20 + LAST_PAUSE_S
    fault.clear()
    assert str(info.value) == (
        f"The controller {rig.lab.endpoint} could not make a way to exporter 'b1' of lease 'lease-of-tester': no "
        f"leader."
    )


def test_a_controller_that_does_not_answer_is_bounded(
    rig: Any, dialing: Dialing, during: During, eventually: Eventually, frozen_clock: MovableClock
) -> None:
    lease = rig.only_lease()
    fault = rig.hold("Dial")
    join = during(lambda: dialing(lease))
    for attempt in (1, 2):
        eventually(lambda attempt=attempt: fault.hits == attempt)
        # One attempt takes 35 seconds, and there are 60 for all of them.
        frozen_clock.advance(ATTEMPT_S)
    with pytest.raises(
        ExporterNotReady, match=r"^The exporter 'b1' of lease 'lease-of-tester' was not ready in time; "
    ):
        join()
    assert fault.hits == 2


def test_dials_of_many_threads_each_get_their_own_way(rig: Any, dialing: Dialing, during: During) -> None:
    lease = rig.only_lease()
    ways = [join() for join in [during(lambda: dialing(lease)) for _ in range(6)]]
    assert len({way.token for way in ways}) == 6
