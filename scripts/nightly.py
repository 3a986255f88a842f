"""Run what takes too long for each change: ``inv nightly``. Each step runs, even if others fail.

Reports of the steps go to ``results/nightly/<step>.txt``; the last lines say how each step ended and how long it took.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.environments import ROOT

RESULTS = ROOT / "results" / "nightly"
LIMIT_S = 3 * 3600.0
"""Seconds for one step."""

TEST = (
    *("pytest", "-p", "scripts.ci_skips", "-p", "scripts.robot_suites", "--fresh-interpreters"),
    *("--quiet", "-p", "no:cacheprovider"),
)

ROBOT = ("robot", "--listener", "scripts.ci_skips", "--pythonpath", ".", "--console", "dotted")


@dataclass(frozen=True)
class Step:
    """One command of the night.

    Attributes:
        name: What it is called in the report, and on the command line.
        command: The arguments of the interpreter behind ``-m``.
        times: How often it runs; the first failure ends it.
    """

    name: str
    command: tuple[str, ...]
    times: int = 1


BOARDS = (
    *("17_boot_loader", "18_device_states", "19_from_power_to_panic", "20_own_states", "21_boot_on_qemu"),
    "33_commands_in_noise",
)
FAULTS = ("07_broken_link", "10_lease_faults", "15_tunnel_faults", "16_exporter_faults", "22_states_and_links")
FUZZERS = (
    "consoles/test_torture.py",
    "consoles/test_failing.py",
    "consoles/test_history.py",
    "consoles/test_search.py",
    "consoles/test_line_editors.py",
)
INTERRUPTIONS = ("client/test_interrupts.py", "client/test_chaos_interrupts.py", "client/leasing/test_service.py")
STORM = "shim/upstream_api/config/test_leases_of_configs.py"


def _robot(*suites: str) -> tuple[str, ...]:
    return (*TEST, *(f"atest/{suite}.robot" for suite in suites))


STEPS = (
    Step("soak", ("utest.chaos.soak_many", "--seeds", "500")),
    Step("kill matrix", (*TEST, "utest/chaos/test_kill_matrix.py")),
    Step("exporter soak", ("utest.chaos.exporter_soak", "--leases", "200")),
    Step("fault suites", (*_robot(*FAULTS), "utest/lab/faults"), times=3),
    Step("boards", (*_robot(*BOARDS), "interop/qemu"), times=5),
    Step("table of boards", (*ROBOT, "--outputdir", str(RESULTS / "boards"), "atest/_nightly/boards.robot"), times=5),
    Step("questions", (*ROBOT, "--outputdir", str(RESULTS / "questions"), "atest/_nightly/questions.robot")),
    Step("kernels", (*TEST, "interop/kernels")),
    Step("fuzzers", (*TEST, *(f"utest/client/{name}" for name in FUZZERS)), times=30),
    Step("fuzz", ("scripts.fuzz", "--examples", "5000")),
    Step("interruptions", (*TEST, *(f"utest/{name}" for name in (*INTERRUPTIONS, STORM))), times=20),
    Step("matrix", ("scripts.matrix", "--all")),
    Step("pytests", ("scripts.pytests", "--all")),
)


@dataclass(frozen=True)
class Result:
    """The result of a step.

    Attributes:
        step: The step.
        seconds: How long it took.
        trouble: What went wrong; empty if nothing did.
    """

    step: Step
    seconds: float
    trouble: str

    def __str__(self) -> str:
        times = f"{self.step.times} times, " if self.step.times > 1 else ""
        return f"{self.step.name}: {times}{self.seconds / 60:.1f} minutes, {self.trouble or 'passed'}"


def run(step: Step, results: Path = RESULTS, limit_s: float = LIMIT_S) -> Result:
    """Run a step as often as it is to run, and return how it ended.

    Args:
        step: The step.
        results: The folder of its report.
        limit_s: Seconds for one time.
    """
    results.mkdir(parents=True, exist_ok=True)
    report = results / f"{step.name.replace(' ', '-')}.txt"
    begin, trouble = time.monotonic(), ""
    with report.open("w") as file:
        for number in range(1, step.times + 1):
            try:
                done = subprocess.run(
                    [sys.executable, "-m", *step.command],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=limit_s,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                trouble = f"FAILED: time {number} took more than {limit_s / 60:.0f} minutes; see {report}"
                break
            if done.returncode:
                trouble = f"FAILED: time {number} ended with status {done.returncode}; see {report}"
                break
    return Result(step, time.monotonic() - begin, trouble)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps and print how they ended; return 1 if one failed."""
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(prog="inv nightly", description=__doc__)
    parser.add_argument("--only", default="", help=f"only the steps with this in their names, of: {', '.join(names)}")
    only = parser.parse_args(arguments).only
    steps = [step for step in STEPS if only in step.name]
    if not steps:
        parser.error(f"no step has {only!r} in its name; there are: {', '.join(names)}")
    results = []
    for step in steps:
        results.append(run(step))
        sys.stdout.write(f"{results[-1]}\n")
        sys.stdout.flush()
    failed = sum(1 for result in results if result.trouble)
    minutes = sum(result.seconds for result in results) / 60
    sys.stdout.write(f"nightly: {len(results) - failed} passed, {failed} failed in {minutes:.1f} minutes\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
