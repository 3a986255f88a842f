"""Robot Framework run from Python code: twice in a process, from its API, and in a thread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = """
*** Settings ***
Library    JumpstarterLibrary    mode=virtual

*** Test Cases ***
Boot
    Acquire Lease    board=virtual
    Power On
    Console Should Contain    U-Boot    timeout=20 s
"""

PROGRAM = """
import logging, signal, sys, threading
from pathlib import Path

import robot
from robot.api import TestSuite

from JumpstarterLibrary.client.leasing import exit_cleanup

suite, folder = Path(sys.argv[1]), Path(sys.argv[2])


def run(name):
    with open(folder / "output", "a") as output:
        return robot.run(str(suite), outputdir=str(folder / name), stdout=output, stderr=output)


def files(name):
    artefacts = folder / name / "jumpstarter-artefacts"
    return sorted(path.relative_to(artefacts).as_posix() for path in artefacts.rglob("*") if path.is_file())


print(run("same"), files("same"))
print(run("same"), files("same"))

built = TestSuite("Built")
built.resource.imports.library("JumpstarterLibrary", args=["mode=virtual"])
test = built.tests.create("Boot")
test.body.create_keyword("Power On")
test.body.create_keyword("Console Should Contain", args=["U-Boot", "timeout=20 s"])
with open(folder / "output", "a") as output:
    result = built.run(outputdir=str(folder / "api"), stdout=output, stderr=output)
print(result.return_code, files("api"))

codes = []
thread = threading.Thread(target=lambda: codes.append(run("thread")))
thread.start()
thread.join()
print(*codes, files("thread"))
print(exit_cleanup.registered(), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
"""


def test_runs_follow_each_other_and_leave_nothing(tmp_path: Path) -> None:
    suite = tmp_path / "suite.robot"
    suite.write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, suite, tmp_path], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    files = "0 ['device/console.log', 'device/console.timed.log', 'device/events.jsonl']"
    assert done.stdout.splitlines() == [files, files, files, files, "[] True"]
