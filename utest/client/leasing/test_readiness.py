"""From a way to an exporter to one that takes driver calls: hooks are waited for, and told with their lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.events import LogRecord, Notice
from JumpstarterLibrary.client.leasing import dial, hooks, readiness, tunnel
from JumpstarterLibrary.client.leasing.hooks import HookLog
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
from JumpstarterLibrary.lab.router_behaviour import Refusal
from JumpstarterLibrary.protocol import common_pb2

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]


def hook(script: str, **options: Any) -> HookInstanceConfigV1Alpha1:
    return HookInstanceConfigV1Alpha1(script=script, **{"timeout": 10, **options})


def refusal(rig: Any, kind: type[JumpstarterError], timeout: float = 10) -> str:
    with pytest.raises(kind) as info:
        rig.lease(timeout=timeout, name="mine")
    assert type(info.value) is kind
    assert rig.active() == []
    return str(info.value)


# Hooks


def test_a_hook_before_the_lease_is_waited_for_and_told(
    rigs: Any, boards_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    monkeypatch.setattr(readiness, "JOIN_S", 0.3)
    rig = rigs(exporters=boards_of(before_lease=hook("echo warming up; sleep 0.7")))
    begin = time.monotonic()
    device = rig.lease()
    assert time.monotonic() - begin > 0.6
    assert device.client.probe.count() == 1
    assert rig.notices == ["Exporter 'b1' runs its hook before the lease; waiting for it."]
    # One that runs its hook is no reason to dial again.
    assert rig.codes("Dial") == ["OK"]


def test_a_hook_that_failed_with_a_warning_is_told_and_the_device_works(rigs: Any, boards_of: Any) -> None:
    rig = rigs(exporters=boards_of(before_lease=hook("exit 3", on_failure="warn")))
    device = rig.lease()
    assert device.client.probe.count() == 1
    assert len(rig.notices) == 1
    assert rig.notices[0].startswith(
        "Exporter 'b1' is ready, but its hook failed: The beforeLease hook failed with exit status 3."
    )


def test_a_hook_that_ends_the_exporter_is_told_with_its_words(
    rigs: Any, boards_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "OFFLINE_S", 0.5)
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
    text = refusal(rig, HookFailed)
    assert text.startswith("Exporter 'b1' of lease 'mine' cannot be used, because its hook before the lease failed")


def test_a_hook_that_takes_longer_than_we_have_is_told(
    rigs: Any, boards_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    rig = rigs(exporters=boards_of(before_lease=hook("sleep 1.5")))
    begin = time.monotonic()
    text = refusal(rig, OperationTimeout, 0.6)
    assert time.monotonic() - begin < 1.4
    assert text.startswith("Exporter 'b1' of lease 'mine' did not answer within 600 milliseconds: ")
    assert "its hook before the lease still runs" in text


def test_an_end_during_the_hook_is_told_at_once(
    rigs: Any, boards_of: Any, during: During, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    rig = rigs(exporters=boards_of(before_lease=hook("sleep 1.2")))
    join = during(lambda: rig.lease(timeout=20, name="mine"))
    eventually(lambda: "mine" in rig.active())
    eventually(lambda: rig.notices)
    rig.lab.controller.expire("mine")
    begin = time.monotonic()
    with pytest.raises(LeaseExpired, match=r"^Lease 'mine' of exporter 'b1' has expired at "):
        join()
    assert time.monotonic() - begin < 1.5


# The router


def test_an_exporter_that_does_not_come_is_dialled_again(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    monkeypatch.setattr(readiness, "JOIN_S", 0.3)
    rig.lab.router.behaviour.never_pair = True
    threading.Timer(0.5, lambda: setattr(rig.lab.router.behaviour, "never_pair", False)).start()
    device = rig.lease()
    assert device.client.probe.count() == 1
    assert len(rig.codes("Dial")) >= 2


def test_a_router_that_never_pairs_is_told_in_time(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    monkeypatch.setattr(readiness, "JOIN_S", 0.3)
    rig.lab.router.behaviour.never_pair = True
    begin = time.monotonic()
    text = refusal(rig, OperationTimeout, 0.9)
    assert time.monotonic() - begin < 3
    assert text.startswith("Exporter 'b1' of lease 'mine' did not answer within 900 milliseconds: ")
    assert text.endswith(
        "seconds: the exporter did not come to the router. Look at its log, or give it more time with timeout=."
    )
    assert len(rig.codes("Dial")) >= 2


@pytest.mark.parametrize("times", [1, 2])
def test_a_token_that_is_refused_once_costs_one_more_dial(
    rig: Any, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    # Once: only one of the two sides is refused, and the other one waits for it.
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    monkeypatch.setattr(readiness, "JOIN_S", 0.5)
    rig.lab.router.behaviour.refuse = Refusal(details="token is expired", times=times)
    device = rig.lease()
    assert device.client.probe.count() == 1
    assert len(rig.codes("Dial")) == 2


def test_tokens_that_are_refused_always_are_told_soon(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    rig.lab.router.behaviour.refuse = Refusal(details="invalid jwt token")
    begin = time.monotonic()
    text = refusal(rig, LinkError, 60)
    assert time.monotonic() - begin < 3
    assert text == (
        f"The router {rig.lab.router.endpoint} refused the token that its controller made for lease 'mine', twice: "
        f"invalid jwt token. The clocks or keys of controller and router may differ; tell their administrator."
    )


def test_a_router_that_is_not_there_is_told_soon(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    monkeypatch.setattr(tunnel, "AWAY_S", 0.5)
    endpoint = rig.lab.router.endpoint
    rig.lab.controller.run(rig.lab.router.stop_serving())
    begin = time.monotonic()
    text = refusal(rig, ControllerUnreachable, 60)
    assert time.monotonic() - begin < 5
    assert text == (
        f"The router {endpoint}, to which the controller leads, cannot be reached: connection refused. Check the "
        f"network, or tell the controller's administrator."
    )


def test_a_router_that_drops_the_first_bytes_is_told_or_survived(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LOOK_S", 0.1)
    monkeypatch.setattr(readiness, "JOIN_S", 0.5)
    rig.lab.router.behaviour.delay_s = 0.15
    threading.Timer(0.2, rig.lab.router.drop).start()
    try:
        device = rig.lease(timeout=10)
    except LinkError as error:
        assert "The router dropped the tunnel" in str(error)  # noqa: PT017
    else:
        rig.lab.router.behaviour.delay_s = 0.0
        assert device.client.probe.count() == 1
    rig.lab.router.behaviour.delay_s = 0.0


# Statuses


def test_an_exporter_that_shuts_down_is_told(rig: Any, eventually: Eventually, during: During) -> None:
    rig.lab.router.behaviour.delay_s = 0.1
    join = during(lambda: rig.lease(timeout=10, name="mine"))
    eventually(lambda: rig.lab.exporters["b1"].session is not None)
    session = rig.lab.exporters["b1"].session
    session.update_status(common_pb2.EXPORTER_STATUS_OFFLINE, "Rebooting")
    with pytest.raises(ExporterNotReady) as info:
        join()
    rig.lab.router.behaviour.delay_s = 0.0
    assert str(info.value) == "Exporter 'b1' is shutting down (Rebooting). Acquire another one."


def test_an_exporter_that_stops_because_of_its_hook_is_told(rig: Any, eventually: Eventually, during: During) -> None:
    rig.lab.router.behaviour.delay_s = 0.1
    join = during(lambda: rig.lease(timeout=10, name="mine"))
    eventually(lambda: rig.lab.exporters["b1"].session is not None)
    session = rig.lab.exporters["b1"].session
    session.update_status(common_pb2.EXPORTER_STATUS_OFFLINE, "The hook failed, so it stops.")
    with pytest.raises(HookFailed) as info:
        join()
    rig.lab.router.behaviour.delay_s = 0.0
    assert str(info.value) == (
        "Exporter 'b1' of lease 'mine' cannot be used, because its hook before the lease failed: The hook failed, so "
        "it stops. Look at its log."
    )


def test_an_exporter_that_never_becomes_ready_is_told(rig: Any, eventually: Eventually, during: During) -> None:
    rig.lab.router.behaviour.delay_s = 0.1
    join = during(lambda: rig.lease(timeout=1.2, name="mine"))
    eventually(lambda: rig.lab.exporters["b1"].session is not None)
    session = rig.lab.exporters["b1"].session
    session.update_status(common_pb2.EXPORTER_STATUS_AVAILABLE, "")
    session.update_status(common_pb2.EXPORTER_STATUS_AVAILABLE, "")
    with pytest.raises(ExporterNotReady) as info:
        join()
    rig.lab.router.behaviour.delay_s = 0.0
    text = str(info.value)
    assert text.startswith("Exporter 'b1' was not ready within ")
    assert text.endswith(": its status is AVAILABLE. Look at its log.")


# Lines of hooks


def test_only_hook_lines_are_kept_and_only_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "LAST_LINES_S", 0.05)
    log = HookLog()
    assert log.told() == ""
    log.put(Notice("no line"))
    log.put(LogRecord("of a driver", "INFO", "DRIVER"))
    assert log.told() == ""
    for number in range(30):
        log.put(LogRecord(f"line {number}", "INFO", "BEFORE_LEASE_HOOK"))
    told = log.told()
    assert told.startswith(" Its last lines were:\n  line 10\n")
    assert told.endswith("\n  line 29")


def test_lines_that_never_stop_do_not_hold_up_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "LAST_LINES_S", 0.2)
    log, over = HookLog(), threading.Event()

    def chatter() -> None:
        while not over.wait(0.005):
            log.put(LogRecord("again", "INFO", "AFTER_LEASE_HOOK"))

    thread = threading.Thread(target=chatter, daemon=True)
    thread.start()
    begin = time.monotonic()
    assert log.told().endswith("again")
    assert time.monotonic() - begin < 1
    over.set()
    thread.join()
