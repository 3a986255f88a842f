"""An exporter whose hook has failed releases the lease by itself, and is given the time to do so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.lease import EXPORTER_S
from JumpstarterLibrary.errors import ExporterNotReady, HookFailed
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.lab.exporters import LabExporter
from JumpstarterLibrary.protocol import common_pb2

OFFLINE = common_pb2.EXPORTER_STATUS_OFFLINE
BEFORE_LEASE_HOOK_FAILED = common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK_FAILED

During = Callable[[Callable[[], object]], Any]
Eventually = Callable[[Callable[[], object]], None]

FAIL = HookInstanceConfigV1Alpha1(script="exit 3", on_failure="endLease")
EXIT = HookInstanceConfigV1Alpha1(script="exit 3", on_failure="exit")

Boards = Callable[..., list[LabExporter]]


def status(rig: Any) -> int:
    found: int = rig.lab.controller.exporter("b1").status
    return found


def releases(rig: Any) -> list[str]:
    """Return who has released the lease, in this order."""
    entries = [*rig.lab.journal.entries(method="ReleaseLease"), *rig.lab.journal.entries(method="DeleteLease")]
    done = [entry for entry in entries if entry.code is not None and entry.code.name == "OK"]
    return [entry.caller for entry in sorted(done, key=lambda entry: entry.time)]


def test_after_the_hook_before_the_lease(rigs: Any, boards_of: Boards) -> None:
    rig = rigs(exporters=boards_of(before_lease=FAIL))
    with pytest.raises(HookFailed):
        rig.lease()
    assert releases(rig) == ["b1"]


def test_after_the_hook_after_the_lease(rigs: Any, boards_of: Boards, eventually: Any) -> None:
    rig = rigs(exporters=boards_of(after_lease=FAIL))
    assert rig.service.release(rig.lease()) is True
    assert releases(rig) == ["b1"]
    # It is free again, and not failed for good.
    eventually(lambda: rig.service.exporters("board=b")[0].free)


def test_one_that_shuts_down_is_not_waited_for(rigs: Any, boards_of: Boards, frozen_clock: MovableClock) -> None:
    rig = rigs(exporters=boards_of(before_lease=EXIT))
    with frozen_clock.skipping_pauses(lambda: status(rig) == OFFLINE), pytest.raises(HookFailed):
        rig.lease()
    assert frozen_clock.seconds() < EXPORTER_S
    assert releases(rig) == ["tester"]


def test_one_that_does_not_do_it_is_not_waited_for_for_long(
    rigs: Any, boards_of: Boards, frozen_clock: MovableClock
) -> None:
    rig = rigs(exporters=boards_of(before_lease=FAIL))
    rig.hold("ReleaseLease", caller="b1")
    with frozen_clock.skipping_pauses(lambda: status(rig) == BEFORE_LEASE_HOOK_FAILED), pytest.raises(HookFailed):
        rig.lease()
    assert frozen_clock.seconds() >= EXPORTER_S
    assert releases(rig) == ["tester"]


def test_an_exporter_that_does_not_listen_any_more_is_told_and_one_that_comes_back_is_used(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    found: LeasedDevice = rig.lease()
    exporter = rig.lab.exporters["b1"]
    exporter.crash()
    which = f"The exporter 'b1' of lease '{found.lease.name}'"
    text = (
        f"{which} does not listen for clients; that did not change within {{}}. Look at the exporter's log, or acquire "
        "another exporter."
    )
    later = f"{which} was lost and looked for in vain before, and was not found within 1 second now: {text}"
    rig.lab.router.drop()
    eventually(lambda: found.present.route.lost)
    join = during(found.client.probe.count)
    eventually(lambda: clock.advance(0.05) or any(text.startswith("Looking for ") for text in rig.notices))
    dialled = len(rig.calls("Dial"))
    # The second attempt comes when the first one is known to have failed.
    eventually(lambda: clock.advance(0.05) or len(rig.calls("Dial")) > dialled + 1)
    clock.advance(rig.settings.dial_timeout)
    with pytest.raises(ExporterNotReady) as info:
        join()
    assert str(info.value) == text.format(format_duration(rig.settings.dial_timeout))
    with pytest.raises(ExporterNotReady) as info:
        found.client.probe.count()
    assert str(info.value) == later.format("1 second")
    exporter.start()
    eventually(lambda: rig.lab.journal.open.get("listens"))
    assert found.client.probe.count() == 1
