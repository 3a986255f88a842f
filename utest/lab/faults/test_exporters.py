"""Exporters that go, stand still, do not listen, or have failing hooks."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.errors import LinkError, OperationTimeout, UsageError
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab
from JumpstarterLibrary.protocol import common_pb2

Eventually = Callable[[Callable[[], object]], None]
Failing = Callable[[Callable[[], object]], tuple[str, str]]
Ready = Callable[..., str]

READY = common_pb2.EXPORTER_STATUS_LEASE_READY
BEFORE = common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK


def reasons(lab: VirtualLab, name: str) -> list[str]:
    return [condition.reason for condition in lab.controller.lease(name).conditions]


def test_offline(lab: VirtualLab, observer: Any, ready: Ready, failing: Failing, eventually: Eventually) -> None:
    name = ready()
    fault = lab.inject("exporter", "offline")
    assert not any(exporter.alive for exporter in lab.exporters.values())
    assert failing(lambda: observer.dial(name)) == ("FAILED_PRECONDITION", "exporter is offline")
    other = observer.create("number=2")
    eventually(lambda: reasons(lab, other) == ["Offline"])
    assert reasons(lab, name) == ["Ready"]
    fault.clear()
    eventually(lambda: reasons(lab, other) == ["Offline", "Ready"])
    eventually(lambda: lab.exporters["virtual-1"].session)
    observer.delete(name)
    observer.delete(other)
    assert lab.leaks() == []


def test_crash(lab: VirtualLab, device: LeasedDevice, eventually: Eventually) -> None:
    fault = lab.inject("exporter", "crash", name="virtual-1")
    assert (lab.exporters["virtual-1"].alive, lab.exporters["virtual-2"].alive) == (False, True)
    assert lab.controller.exporter("virtual-1").online
    # The client's next frame ends its side, too.
    eventually(lambda: lab.open().get("half-open streams") == 1 or not lab.open().get("tunnels"))
    fault.clear()
    eventually(lambda: lab.exporters["virtual-1"].session)
    with suppress(LinkError):
        device.client.power.off()
    device.client.power.off()


def test_restart(lab: VirtualLab, device: LeasedDevice, eventually: Eventually) -> None:
    before = lab.exporters["virtual-1"].driver
    lab.inject("exporter", "restart", name="virtual-1", down=0.01)
    eventually(lambda: lab.exporters["virtual-1"].driver)
    after = lab.exporters["virtual-1"].driver
    assert before is not None
    assert after is not None
    assert before.uuid != after.uuid
    assert lab.controller.lease(device.lease.name).ended is False


def test_restart_while_the_controller_is_away(lab: VirtualLab, eventually: Eventually) -> None:
    with lab.inject("controller", "down"):
        lab.inject("exporter", "restart", name="virtual-1")
        assert lab.exporters["virtual-1"].alive
    eventually(lambda: lab.exporters["virtual-1"].alive and lab.controller.exporter("virtual-1").online)


def test_pause(lab: VirtualLab, device: LeasedDevice) -> None:
    with lab.inject("exporter", "pause"), pytest.raises(OperationTimeout, match="did not finish within"):
        device.client.power.off(timeout=0.1)
    device.client.power.off()


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        ("not-listening", "UNAVAILABLE", "exporter is not listening on lease "),
        ("buffer-full", "RESOURCE_EXHAUSTED", "listener buffer full on lease "),
    ],
)
def test_nobody_can_connect(
    lab: VirtualLab, observer: Any, ready: Ready, failing: Failing, fault: str, code: str, text: str
) -> None:
    one, other = ready("number=1"), ready("number=2")
    lab.inject("exporter", fault, name="virtual-1", times=2)
    assert observer.dial(other).router_endpoint == lab.router.endpoint
    for _ in range(2):
        assert failing(lambda: observer.dial(one)) == (code, text + one)
    assert observer.dial(one).router_endpoint == lab.router.endpoint
    with lab.inject("exporter", fault):
        assert failing(lambda: observer.dial(other)) == (code, text + other)
    observer.dial(other)
    observer.delete(one)
    observer.delete(other)


def test_stuck_available(observing: Any, failing: Failing, eventually: Eventually, nothing_left: None) -> None:
    with VirtualLab(exporters=1, clock=Clock(scale=500)) as lab:
        observer = observing(lab)
        fault = lab.inject("exporter", "stuck-available")
        name = observer.create()
        eventually(lambda: lab.open().get("listens"))
        details = "exporter is not ready (status: Available)"
        assert failing(lambda: observer.dial(name)) == ("FAILED_PRECONDITION", details)
        fault.clear()
        assert observer.dial(name).router_endpoint == lab.router.endpoint
        observer.delete(name)
        assert lab.leaks() == []


def test_stuck_available_in_a_lease_that_has_begun(lab: VirtualLab, ready: Ready, eventually: Eventually) -> None:
    ready()
    record = lab.controller.exporter
    eventually(lambda: record("virtual-1").status == READY)
    with lab.inject("exporter", "stuck-available", name="virtual-1"):
        assert record("virtual-1").status == common_pb2.EXPORTER_STATUS_AVAILABLE
    eventually(lambda: record("virtual-1").status == READY)


def test_disabled(lab: VirtualLab, observer: Any, eventually: Eventually) -> None:
    with lab.inject("exporter", "disabled"):
        name = observer.create()
        eventually(lambda: reasons(lab, name) == ["AllDisabled"])
    name = observer.create()
    eventually(lambda: reasons(lab, name) == ["Ready"])


def test_a_hook_that_fails_with_a_warning(lab: VirtualLab, observer: Any, eventually: Eventually) -> None:
    with lab.inject("exporter", "hook-fails", output="no power here"):
        name = observer.create("number=1")
        eventually(lambda: lab.controller.exporter("virtual-1").status == READY)
        assert lab.controller.exporter("virtual-1").status_message.startswith("[HOOK_WARNING] ")
        observer.delete(name)
        assert lab.leaks() == []


def test_a_hook_that_fails_and_ends_the_lease(lab: VirtualLab, observer: Any, eventually: Eventually) -> None:
    with lab.inject("exporter", "hook-fails", on_failure="endLease", name="virtual-1"):
        name = observer.create("number=1")
        failed = common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK_FAILED
        eventually(lambda: lab.controller.exporter("virtual-1").status == failed)
        eventually(lambda: reasons(lab, name) == ["Released"])
        assert lab.leaks() == []


def test_a_hook_that_fails_and_ends_the_exporter(lab: VirtualLab, observer: Any, eventually: Eventually) -> None:
    exporter = lab.exporters["virtual-1"]
    with lab.inject("exporter", "hook-fails", hook="before", on_failure="exit"):
        name = observer.create("number=1")
        offline = common_pb2.EXPORTER_STATUS_OFFLINE
        eventually(lambda: lab.controller.exporter("virtual-1").status == offline)
        observer.delete(name)
        eventually(lambda: not exporter.alive)
    eventually(lambda: exporter.alive and lab.controller.exporter("virtual-1").online)
    assert lab.leaks() == []


def test_hooks_that_were_there_come_back(observing: Any, eventually: Eventually, nothing_left: None) -> None:
    own = HookInstanceConfigV1Alpha1(script="echo mine >> $JMP_MOTD_FILE")
    with VirtualLab([LabExporter(name="bench", labels={"board": "virtual"}, before_lease=own)]) as lab:
        observer = observing(lab)
        lab.inject("exporter", "hook-fails").clear()
        name = observer.create()
        eventually(lambda: (session := lab.exporters["bench"].session) is not None and session.motd == "mine")
        observer.delete(name)
        assert lab.leaks() == []


def test_a_slow_hook(lab: VirtualLab, observer: Any, eventually: Eventually) -> None:
    with lab.inject("exporter", "hook-slow", delay=2):
        name = observer.create("number=1")
        eventually(lambda: lab.controller.exporter("virtual-1").status == BEFORE)
        eventually(lambda: lab.controller.exporter("virtual-1").status == READY)
    observer.delete(name)
    assert lab.leaks() == []


def test_a_slow_hook_after_a_lease_that_has_begun(
    lab: VirtualLab, observer: Any, ready: Ready, eventually: Eventually
) -> None:
    name = ready()
    with lab.inject("exporter", "hook-slow", hook="after", delay=1):
        observer.delete(name)
        after = common_pb2.EXPORTER_STATUS_AFTER_LEASE_HOOK
        eventually(lambda: lab.controller.exporter("virtual-1").status == after)
        assert lab.leaks() == []


def test_an_old_exporter(lab: VirtualLab, leasing: Any) -> None:
    with lab.inject("exporter", "old"), leasing() as device:
        session = lab.exporters["virtual-1"].session
        assert session is not None
        features = session.features
        assert (features.get_status, features.end_session, features.log_stream) == (False, False, False)
        device.client.power.on()
    with leasing():
        session = lab.exporters["virtual-1"].session
        assert session is not None
        assert session.features.get_status


def test_statuses_that_were_missed(lab: VirtualLab, ready: Ready) -> None:
    ready()
    session = lab.exporters["virtual-1"].session
    assert session is not None
    before = session.status().status_version
    lab.inject("status", "gap", versions=3)
    after = session.status()
    assert (after.status, after.status_version) == (READY, before + 4)


def test_what_does_not_run_here_cannot_fail(nothing_left: None) -> None:
    text = "None of these exporters runs in this lab's process, so that it could be made to fail."
    with (
        VirtualLab([LabExporter(name="theirs", register=False)]) as lab,
        pytest.raises(UsageError, match=f"^{re.escape(text)}$"),
    ):
        lab.inject("exporter", "crash")
