"""From a way to an exporter to one that takes driver calls: hooks are waited for, and told with their lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.events import LogRecord, Notice
from JumpstarterLibrary.client.leasing.hooks import LAST_LINES_S, HookLog
from JumpstarterLibrary.client.leasing.readiness import JOIN_S, LOOK_S
from JumpstarterLibrary.client.leasing.tunnel import AWAY_S
from JumpstarterLibrary.errors import (
    ControllerUnreachable,
    ExporterNotReady,
    HookFailed,
    JumpstarterError,
    LeaseExpired,
    LinkError,
    OperationTimeout,
)
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.lab.router import WAITING
from JumpstarterLibrary.lab.router_behaviour import Refusal
from JumpstarterLibrary.protocol import common_pb2

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]

AVAILABLE = common_pb2.EXPORTER_STATUS_AVAILABLE
OFFLINE = common_pb2.EXPORTER_STATUS_OFFLINE


def hook(script: str, **options: Any) -> HookInstanceConfigV1Alpha1:
    return HookInstanceConfigV1Alpha1(script=script, **{"timeout": 60, **options})


def refusal(join: Callable[[], object], kind: type[JumpstarterError]) -> str:
    with pytest.raises(kind) as info:
        join()
    assert type(info.value) is kind
    return str(info.value)


@pytest.fixture
def hooked(rigs: Any, boards_of: Any, tmp_path: Path) -> Iterator[Any]:
    """A lab whose exporter runs its hook until there is a file ``go``."""
    script = f"echo warming up; until test -e {tmp_path}/go; do sleep 0.02; done"
    yield rigs(exporters=boards_of(before_lease=hook(script)))
    (tmp_path / "go").touch()


# Hooks


def test_a_hook_before_the_lease_is_waited_for_and_told(
    hooked: Any, during: During, eventually: Eventually, clock: MovableClock, tmp_path: Path
) -> None:
    join = during(lambda: hooked.lease(timeout=60))
    eventually(lambda: clock.advance(0.05) or hooked.notices)
    for _ in range(2):
        looks = len(hooked.calls("GetExporter"))
        clock.advance(JOIN_S)
        eventually(lambda looks=looks: clock.advance(0.05) or len(hooked.calls("GetExporter")) > looks + 1)
    (tmp_path / "go").touch()
    device = join()
    assert device.client.probe.count() == 1
    assert hooked.notices == ["Exporter 'b1' runs its hook before the lease; waiting for it."]
    # One that runs its hook is no reason to dial again.
    assert hooked.codes("Dial") == ["OK"]


def test_a_hook_that_failed_with_a_warning_is_told_and_the_device_works(rigs: Any, boards_of: Any) -> None:
    rig = rigs(exporters=boards_of(before_lease=hook("exit 3", on_failure="warn")))
    device = rig.lease()
    assert device.client.probe.count() == 1
    assert len(rig.notices) == 1
    assert rig.notices[0].startswith(
        "Exporter 'b1' is ready, but its hook failed: The beforeLease hook failed with exit status 3."
    )


def test_a_hook_that_ends_the_exporter_is_told_with_its_words(rigs: Any, boards_of: Any) -> None:
    rig = rigs(exporters=boards_of(before_lease=hook("exit 3", on_failure="exit")))
    with pytest.raises(ExporterNotReady) as info:
        rig.lease(name="mine")
    assert "The beforeLease hook failed with exit status 3" in str(info.value)
    assert rig.active() == []


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_a_hook_that_failed_is_told_and_the_lease_given_back(rigs: Any, boards_of: Any, seconds: float) -> None:
    # What is heard of its words, before the exporter ends the lease, is held by test_hook_failures.
    script = f"sleep {seconds}; echo no cable; exit 3"
    rig = rigs(exporters=boards_of(before_lease=hook(script, on_failure="endLease")))
    text = refusal(lambda: rig.lease(name="mine"), HookFailed)
    assert rig.active() == []
    assert text.startswith("Exporter 'b1' of lease 'mine' cannot be used, because its hook before the lease failed")


def test_a_hook_that_takes_longer_than_we_have_is_told(
    hooked: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    join = during(lambda: hooked.lease(timeout=60, name="mine"))
    eventually(lambda: clock.advance(0.05) or hooked.notices)
    clock.advance(60)
    assert refusal(join, OperationTimeout) == (
        "Exporter 'b1' of lease 'mine' did not answer within 60 seconds: its hook before the lease still runs. Look at "
        "its log, or give it more time with timeout=."
    )
    assert hooked.active() == []


def test_an_end_during_the_hook_is_told_at_once(
    hooked: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    join = during(lambda: hooked.lease(timeout=60, name="mine"))
    eventually(lambda: clock.advance(0.05) or hooked.notices)
    hooked.lab.controller.expire("mine")
    clock.advance(LOOK_S)
    text = refusal(join, LeaseExpired)
    assert text.startswith("Lease 'mine' of exporter 'b1' has expired at ")


# The router


def test_an_exporter_that_does_not_come_is_dialled_again(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    rig.lab.router.behaviour.never_pair = True
    join = during(lambda: rig.lease(timeout=60))
    eventually(lambda: rig.lab.journal.open.get(WAITING) == 2)
    rig.lab.router.behaviour.never_pair = False
    begin = clock.seconds()
    eventually(lambda: clock.advance(0.05) or len(rig.calls("Dial")) == 2)
    assert clock.seconds() - begin >= JOIN_S - LOOK_S
    device = join()
    assert device.client.probe.count() == 1
    assert rig.codes("Dial") == ["OK", "OK"]


def test_a_router_that_never_pairs_is_told_in_time(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    rig.lab.router.behaviour.never_pair = True
    join = during(lambda: rig.lease(timeout=60, name="mine"))
    eventually(lambda: clock.advance(0.05) or len(rig.calls("Dial")) == 3)
    clock.advance(60)
    assert refusal(join, OperationTimeout) == (
        "Exporter 'b1' of lease 'mine' did not answer within 60 seconds: the exporter did not come to the router. Look "
        "at its log, or give it more time with timeout=."
    )
    assert rig.active() == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_token_that_is_refused_once_costs_one_more_dial(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock, times: int
) -> None:
    # Once: only one of the two sides is refused, and the other one waits for it.
    refused = rig.lab.router.behaviour.refuse = Refusal(details="token is expired", times=times)
    join = during(lambda: rig.lease(timeout=60))
    eventually(lambda: refused.times == 0)
    eventually(lambda: len(rig.calls("Dial")) == 2 or clock.advance(0.05))
    device = join()
    assert device.client.probe.count() == 1
    assert len(rig.codes("Dial")) == 2


def test_tokens_that_are_refused_always_are_told_soon(rig: Any) -> None:
    rig.lab.router.behaviour.refuse = Refusal(details="invalid jwt token")
    assert refusal(lambda: rig.lease(timeout=60, name="mine"), LinkError) == (
        f"The router {rig.lab.router.endpoint} refused the token that its controller made for lease 'mine', twice: "
        f"invalid jwt token. The clocks or keys of controller and router may differ; tell their administrator."
    )
    # gRPC may have come back once more before it was told.
    assert len(rig.codes("Dial")) in (2, 3)
    assert rig.active() == []


def test_a_router_that_is_not_there_is_told_soon(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    endpoint = rig.lab.router.endpoint
    rig.lab.controller.run(rig.lab.router.stop_serving())
    join = during(lambda: rig.lease(timeout=60, name="mine"))
    eventually(lambda: len(rig.calls("Dial")) == 2)
    clock.advance(AWAY_S)
    assert refusal(join, ControllerUnreachable) == (
        f"The router {endpoint}, to which the controller leads, cannot be reached: connection refused. Check the "
        f"network, or tell the controller's administrator."
    )
    assert rig.active() == []


def test_a_router_that_drops_the_first_bytes_is_told_or_survived(
    rig: Any, during: During, eventually: Eventually
) -> None:
    rig.lab.router.behaviour.delay_s = 0.2
    join = during(lambda: rig.lease(timeout=60))
    eventually(rig.lab.router.tunnels)
    rig.lab.router.drop()
    rig.lab.router.behaviour.delay_s = 0.0
    try:
        device = join()
    except LinkError as error:
        assert "The router dropped the tunnel" in str(error)  # noqa: PT017
    else:
        assert device.client.probe.count() == 1


# Statuses


@pytest.fixture
def reading(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> Callable[[int, str], Callable[[], Any]]:
    """Lease an exporter whose session tells a status of the test's choice; return what waits for the outcome.

    Pauses of the wait take no time.
    """

    def lease() -> Any:
        with clock.skipping_pauses(rig.settled):
            return rig.lease(timeout=60, name="mine")

    def begin(status: int, message: str) -> Callable[[], Any]:
        fault = rig.hold("Dial")
        join = during(lease)
        eventually(lambda: fault.hits and rig.session_ready())
        session = rig.lab.exporters["b1"].session
        session.update_status(status, message)
        fault.clear()
        return join

    return begin


def test_an_exporter_that_shuts_down_is_told(reading: Callable[[int, str], Callable[[], Any]]) -> None:
    assert refusal(reading(OFFLINE, "Rebooting"), ExporterNotReady) == (
        "Exporter 'b1' is shutting down (Rebooting). Acquire another one."
    )


def test_an_exporter_that_stops_because_of_its_hook_is_told(reading: Callable[[int, str], Callable[[], Any]]) -> None:
    assert refusal(reading(OFFLINE, "The hook failed, so it stops."), HookFailed) == (
        "Exporter 'b1' of lease 'mine' cannot be used, because its hook before the lease failed: The hook failed, so "
        "it stops. Look at its log."
    )


def test_an_exporter_that_never_becomes_ready_is_told(
    reading: Callable[[int, str], Callable[[], Any]], clock: MovableClock
) -> None:
    begin = clock.seconds()
    assert refusal(reading(AVAILABLE, ""), ExporterNotReady) == (
        "Exporter 'b1' was not ready within 60 seconds: its status is AVAILABLE. Look at its log."
    )
    assert clock.seconds() - begin >= 60


# Lines of hooks


def test_only_hook_lines_are_kept_and_only_the_last(frozen_clock: MovableClock) -> None:
    log = HookLog()
    with frozen_clock.skipping():
        assert log.told() == ""
        log.put(Notice("no line"))
        log.put(LogRecord("of a driver", "INFO", "DRIVER"))
        assert log.told() == ""
        for number in range(30):
            log.put(LogRecord(f"line {number}", "INFO", "BEFORE_LEASE_HOOK"))
        told = log.told()
    assert told.startswith(" Its last lines were:\n  line 10\n")
    assert told.endswith("\n  line 29")


def test_lines_that_never_stop_do_not_hold_up_the_message(frozen_clock: MovableClock, during: During) -> None:
    log, over = HookLog(), threading.Event()

    def chatter() -> None:
        while not over.wait(0.002):
            log.put(LogRecord("again", "INFO", "AFTER_LEASE_HOOK"))
            frozen_clock.advance(0.01)

    join = during(chatter)
    assert log.told().endswith("again")
    assert frozen_clock.seconds() >= LAST_LINES_S
    over.set()
    join()
