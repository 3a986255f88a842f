"""The exporter's log: from its hook's first line on for those who want it, and until it is ready for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from JumpstarterLibrary.client.events import LogRecord
from JumpstarterLibrary.client.leasing import LeaseRequest
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1

Eventually = Callable[..., None]

HOOK = HookInstanceConfigV1Alpha1(script="for n in 1 2 3 4 5 6 7 8; do echo line $n; done", timeout=10)


def test_no_line_of_a_hook_is_lost_on_who_follows(rigs: Any, boards_of: Any, eventually: Eventually) -> None:
    rig = rigs(exporters=boards_of(before_lease=HOOK))
    lines: list[str] = []
    rig.events.subscribe(
        lambda event: (
            lines.append(event.message) if isinstance(event, LogRecord) and event.source.endswith("HOOK") else None
        )
    )
    device = rig.service.lease(LeaseRequest(selector="board=b"), 10, events=rig.events, follow_logs=True)
    eventually(lambda: len(lines) >= 8)
    assert [line for line in lines if line.startswith("line ")] == [f"line {n}" for n in range(1, 9)]
    assert device.follows_logs
    rig.service.release(device)


def test_who_does_not_follow_pays_nothing_for_it(rig: Any) -> None:
    device = rig.lease()
    assert not device.follows_logs
