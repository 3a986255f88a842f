"""Our Robot library and our pytest plugin on exporters that they lease: upstream's, and ours for comparison."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

import pytest

from interop.leases.processes import Done, Jmp, run
from JumpstarterLibrary.lab import VirtualLab
from JumpstarterLibrary.lab.model import LeaseRecord

pytestmark = pytest.mark.usefixtures("no_leaks", "boards")

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "results" / "interop" / "leases"


def robot(results: Path, environ: Mapping[str, str], *words: str) -> Done:
    """Run robot, which has to succeed, without a skipped test."""
    command = [sys.executable, "-m", "robot", "--outputdir", str(results), "--console", "dotted"]
    done = run([*command, *words], environ, cwd=HERE.parents[1])
    assert done.code == 0, f"{done.out}\n{done.err}\nSee {results / 'log.html'}."
    total = ElementTree.parse(results / "output.xml").getroot().find("./statistics/total/stat")
    assert total is not None
    assert total.attrib["skip"] == "0"
    return done


def new_leases(lab: VirtualLab, before: int) -> list[LeaseRecord]:
    """Return the leases since there were so many; each has to be released by its client."""
    leases = lab.leases()[before:]
    assert [(one.client, one.release, one.conditions[-1].reason) for one in leases] == [
        ("tester", True, "Released")
    ] * len(leases)
    return leases


@pytest.mark.parametrize("kind", ["upstream", "ours"])
def test_every_capability(
    lab: VirtualLab, boards: Mapping[str, Path], our_environ: Mapping[str, str], kind: str
) -> None:
    before = len(lab.leases())
    variables = [f"SELECTOR:kind={kind}", f"EXPORTER:{kind}", f"FILES:{boards[kind]}"]
    words = [word for variable in variables for word in ("--variable", variable)]
    robot(RESULTS / kind, our_environ, *words, "--exclude", "shell", str(HERE.parent / "robot"))
    (lease,) = new_leases(lab, before)
    assert lease.exporter == kind


@pytest.mark.parametrize("kind", ["upstream", "ours"])
def test_test_class(lab: VirtualLab, our_environ: Mapping[str, str], tmp_path: Path, kind: str) -> None:
    before = len(lab.leases())
    command = [sys.executable, "-m", "pytest", "-c", str(HERE.parent / "peer" / "pytest.ini")]
    environ = {**our_environ, "SELECTOR": f"kind={kind}"}
    done = run([*command, str(HERE / "suites" / "suite_leased.py")], environ, cwd=tmp_path)
    assert done.code == 0, f"{done.out}\n{done.err}"
    assert "4 passed" in done.out
    first, second = new_leases(lab, before)
    assert (first.selector.rendered, first.exporter) == (f"kind={kind}", kind)
    assert (second.exporter_name, second.exporter) == (kind, kind)


def test_lease_of_the_command_line(lab: VirtualLab, jmp: Jmp, our_environ: Mapping[str, str]) -> None:
    name = jmp.ok("create lease --selector kind=upstream --duration 10m -o name")
    robot(RESULTS / "attached", {**our_environ, "JMP_LEASE": name}, str(HERE / "suites" / "attached.robot"))
    lease = lab.controller.lease(name)
    assert (lease.ended, lease.release) == (False, False)
    jmp.ok(f"delete leases {name}")
