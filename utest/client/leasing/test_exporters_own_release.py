"""An exporter whose hook has failed releases the lease by itself, and is given the time to do so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.leasing import device, lease
from JumpstarterLibrary.errors import ExporterNotReady, HookFailed
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.lab import Clock
from JumpstarterLibrary.lab.exporters import LabExporter

FAIL = HookInstanceConfigV1Alpha1(script="exit 3", on_failure="endLease")
EXIT = HookInstanceConfigV1Alpha1(script="exit 3", on_failure="exit")

Boards = Callable[..., list[LabExporter]]


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


def test_one_that_shuts_down_is_not_waited_for(rigs: Any, boards_of: Boards) -> None:
    rig = rigs(exporters=boards_of(before_lease=EXIT))
    begin = time.monotonic()
    with pytest.raises(HookFailed):
        rig.lease()
    assert time.monotonic() - begin < lease.EXPORTER_S
    assert releases(rig) == ["tester"]


def test_one_that_does_not_do_it_is_not_waited_for_for_long(
    rigs: Any, boards_of: Boards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPORTER_S", 0.3)
    # In real time, which the exporter lets pass a second of.
    rig = rigs(exporters=boards_of(before_lease=FAIL), clock=Clock())
    with pytest.raises(HookFailed):
        rig.lease()
    assert releases(rig) == ["tester"]


def test_an_exporter_that_does_not_listen_any_more_is_told_and_one_that_comes_back_is_used(
    rig: Any, eventually: Callable[[Callable[[], object]], None]
) -> None:
    found: device.LeasedDevice = rig.lease()
    found._route.dial_timeout = found._route.tunnel._dial_timeout = 0.5
    exporter = rig.lab.exporters["b1"]
    exporter.crash()
    which = f"The exporter 'b1' of lease '{found.lease.name}'"
    text = (
        f"{which} does not listen for clients; that did not change within 500 milliseconds. Look at the exporter's "
        "log, or acquire another exporter."
    )
    later = f"{which} was lost and looked for in vain before, and was not found within 500 milliseconds now: {text}"
    found._route.tunnel.cut("the test has cut it")
    for expected in (text, later, later):
        with pytest.raises(ExporterNotReady) as info:
            found.client.probe.call("count", timeout=5)
        assert str(info.value) == expected
    found._route.dial_timeout = found._route.tunnel._dial_timeout = 10
    exporter.start()
    eventually(lambda: rig.lab.journal.open.get("listens"))
    assert found.client.probe.count() == 1
