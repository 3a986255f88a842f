"""Upstream's Python API on our lab: with our virtual board, and with exporters of both kinds in processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interop.leases.processes import Jmp, run
from JumpstarterLibrary.lab import VirtualLab

pytestmark = pytest.mark.usefixtures("no_leaks")

SCRIPT = Path(__file__).parent / "suites" / "use_api.py"


def use(jmp: Jmp, lab: VirtualLab, folder: Path, selector: str, layout: str) -> dict[str, Any]:
    """Let upstream's API use an exporter, check what does not depend on it, and return what it has seen of it."""
    done = run([jmp.python, str(SCRIPT), selector, layout, str(folder)], jmp.environ)
    assert done.code == 0, f"{done.out}\n{done.err}"
    seen: dict[str, Any] = json.loads(done.out.splitlines()[-1])
    lease = lab.controller.lease(seen["lease"])
    assert seen["exporter"] == [lease.exporter]
    assert (lease.client, lease.release, lease.conditions[-1].reason) == ("tester", True, "Released")
    assert seen["same image"]
    assert seen["pages"] == ["ours", "shelf", "upstream", "virtual-1", "virtual-2"]
    assert seen["lease"] in seen["leases"]
    assert len(seen["leases"]) == len(lab.leases())
    used: dict[str, Any] = seen["used"]
    return used


def test_virtual_board(jmp: Jmp, lab: VirtualLab, tmp_path: Path) -> None:
    used = use(jmp, lab, tmp_path, "board=virtual,number=1", "board")
    assert used["children"] == ["console", "power", "storage"]


@pytest.mark.usefixtures("boards")
@pytest.mark.parametrize("kind", ["upstream", "ours"])
def test_registered_exporter(jmp: Jmp, lab: VirtualLab, tmp_path: Path, kind: str) -> None:
    assert use(jmp, lab, tmp_path, f"kind={kind}", "bench") == {
        "readings": [[0.0, 0.0], [5.0, 2.0]],
        "answer": "there and back",
        "same": {"list": [1, 2.5, None], "text": "Grüße"},
        "numbers": [0, 1, 2, "DriverInvalidArgument"],
    }
