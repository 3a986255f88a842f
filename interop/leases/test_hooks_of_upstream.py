"""Upstream's exporters with hooks, leased by our Robot library."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from robot.api import ExecutionResult

from interop.leases.conftest import client_home, exporter_environ, started, watched
from interop.leases.processes import ExporterProcess
from interop.leases.test_our_client import RESULTS, robot
from interop.upstream import Upstream
from JumpstarterLibrary.lab import LabExporter, VirtualLab

SUITE = Path(__file__).parent / "suites" / "hooks.robot"
LEASED = ("good", "warns", "warns", "ends", "ends", "exits-before", "exits-after")

READY = "Exporter 'warns' is ready, but its hook failed: beforeLease hook warning: Hook failed with exit code 3"

WARNED = """\
The hook after the lease of exporter 'warns' failed: afterLease hook warning: Hook failed with exit code 3. \
Its last lines were:
  the fuse has blown
  Hook failed with exit code 3 (on_failure=warn, continuing)"""

ENDED = """\
The hook after the lease of exporter 'ends' failed: afterLease hook failed (on_failure=endLease): \
Hook failed with exit code 3. Its last lines were:
  the fuse has blown
  Hook failed with exit code 3 (on_failure=endLease, raising exception)"""

EXITED = """\
The hook after the lease of exporter 'exits-after' failed: Exporter shutting down due to afterLease hook failure. \
Its last lines were:
  the fuse has blown
  Hook failed with exit code 3 (on_failure=exit, raising exception)"""

FAIL = "echo the fuse has blown; exit 3"

SLOW_FAIL = f"sleep 0.5; {FAIL}"
"""Long enough for the client to be there, who is told more then: what the hook printed."""


def cases(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the hooks of each exporter."""
    return {
        "good": {
            "beforeLease": {"script": f"j power on; touch {folder}/before-$LEASE_NAME-$CLIENT_NAME; echo prepared"},
            "afterLease": {"script": f"j power off; touch {folder}/after-$LEASE_NAME; echo cleaned up"},
        },
        "warns": {
            "beforeLease": {"script": FAIL, "onFailure": "warn"},
            "afterLease": {"script": FAIL, "onFailure": "warn"},
        },
        "ends": {
            "beforeLease": {"script": f"test -e {folder}/before-works && exit 0; {SLOW_FAIL}", "onFailure": "endLease"},
            "afterLease": {"script": FAIL, "onFailure": "endLease"},
        },
        "exits-before": {"beforeLease": {"script": SLOW_FAIL, "onFailure": "exit"}},
        "exits-after": {"afterLease": {"script": FAIL, "onFailure": "exit"}},
    }


def test_hooks(upstream: Upstream, runtime: Path, our_environ: Mapping[str, str], tmp_path: Path) -> None:
    hooks = cases(tmp_path)
    places = [LabExporter(name=name, labels={"case": name}, register=False) for name in hooks]
    with VirtualLab(places) as lab:
        processes = []
        for name, sections in hooks.items():
            export = {"power": {"type": "jumpstarter_driver_power.driver.MockPower"}}
            file = lab.write_exporter_config(tmp_path / f"{name}.yaml", name, export)
            file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "hooks": sections}))
            processes.append((name, ExporterProcess.upstream(upstream, file, exporter_environ(upstream, runtime))))
        with started(lab, *processes), watched(lab):
            home = client_home(lab, tmp_path / "clients", names=("tester",))
            environ = {**our_environ, "JMP_CLIENT_CONFIG_HOME": str(home)}
            robot(RESULTS / "hooks", environ, "--variable", f"FOLDER:{tmp_path}", str(SUITE))
            exits = dict(processes)
            codes = {name: exits[name].wait() for name in ("exits-before", "exits-after")}
        ends = [(one.exporter, one.release, one.conditions[-1].reason) for one in lab.leases()]
    assert ends == [(name, True, "Released") for name in LEASED]
    # Upstream's command ends well, whatever its hook said.
    assert codes == {"exits-before": 0, "exits-after": 0}
    result = ExecutionResult(RESULTS / "hooks" / "output.xml")
    # What the hook before a lease has printed may come after the client is ready.
    warnings = [
        text.partition(". Its last lines")[0] if text.startswith(READY) else text
        for text in (message.message for message in result.errors)
    ]
    assert warnings == [READY, WARNED] * 2 + [ENDED, EXITED]
