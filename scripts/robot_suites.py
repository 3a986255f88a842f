"""Run Robot suites as pytest tests: one run, one closing line and one distribution over workers for all proofs.

A pytest plugin (``-p scripts.robot_suites``). Each ``.robot`` file of a collected folder is a module and each of its
cases a test. The cases of a file that were selected run in one ``robot`` process, which is a fork
(``scripts/forks.py``) unless ``--fresh-interpreters`` is given; its log is ``results/<folder>/<suite>/log.html``.
Folders whose names begin with an underscore hold suites that other tests run.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from robot.api import ExecutionResult, TestSuite

from scripts import forks

FOLDERS = ("atest", "examples")
LISTENERS = ("scripts.ci_skips", "scripts.surroundings")
LIMIT_S = 900.0
"""Seconds for the suite of one file."""

SHOWN = 6000
"""Characters of robot's output that a failed test shows."""

COMMANDS = "ATEST_COMMANDS"
"""Says how often suites repeat the same kind of command; ``inv nightly`` has more."""

IMPORTED = (
    "robot.run",
    "robot.libraries.Collections",
    "robot.libraries.OperatingSystem",
    "robot.libraries.Process",
    "robot.libraries.String",
    "JumpstarterLibrary.library",
    "JumpstarterLibrary.exporter.__main__",
    "JumpstarterLibrary.exporter.drivers.virtual",
    "JumpstarterLibrary.lab",
    *LISTENERS,
)
"""What suites, their children and exporters import."""

_GLOB = re.compile(r"([*?\[])")

_ENVIRONMENT = pytest.StashKey[dict[str, str]]()
_FORKS = pytest.StashKey[ExitStack]()


class CaseFailed(Exception):
    """A test case of Robot that failed; its text is the message of the case."""


class RobotCase(pytest.Item):
    """One test case of a suite."""

    parent: RobotFile

    def runtest(self) -> None:
        """Take the case's status from the run of its suite.

        Raises:
            CaseFailed: The case failed, or robot did not run it.
        """
        status, message = self.parent.outcomes.get(self.name, ("FAIL", f"robot did not run it.\n{self.parent.printed}"))
        if status == "SKIP":
            pytest.skip(message)
        if status != "PASS":
            raise CaseFailed(f"{message}\nSee {self.parent.results / 'log.html'}.")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str | Any:
        """Return a failed case's message without a traceback."""
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the case is, for reports."""
        return self.path, None, f"{self.path.name}: {self.name}"


class RobotFile(pytest.File):
    """One suite file."""

    printed = ""

    def collect(self) -> Iterator[RobotCase]:
        """Yield the cases of the suite."""
        for test in TestSuite.from_file_system(self.path).all_tests:
            yield RobotCase.from_parent(self, name=test.name)

    @property
    def results(self) -> Path:
        """The folder of the suite's log."""
        return self.config.rootpath / "results" / self.path.parent.name / self.path.stem

    @cached_property
    def outcomes(self) -> dict[str, tuple[str, str]]:
        """Status and message by case, of the selected cases; the first use runs them."""
        selected = [item.name for item in self.session.items if item.parent is self]
        only = [option for name in selected for option in ("--test", _GLOB.sub(r"[\1]", name))]
        listeners = (option for name in LISTENERS for option in ("--listener", name))
        options = ["--pythonpath", str(self.config.rootpath), *listeners, "--outputdir", str(self.results)]
        process = forks.start(
            *("robot", *options, "--console", "dotted", *only, str(self.path)),
            environment=_environment(self.config),
            cwd=self.config.rootpath,
        )
        try:
            printed, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        self.printed = printed[-SHOWN:]
        output = self.results / "output.xml"
        if not output.exists():
            return {}
        tests = ExecutionResult(output, include_keywords=False).suite.all_tests
        return {test.name: (test.status, test.message) for test in tests}


def _environment(config: pytest.Config) -> dict[str, str]:
    """Return the environment of a suite; its first use starts the process that is forked for each."""
    if config.getoption("fresh_interpreters"):
        return {**os.environ, COMMANDS: "50"}
    if _FORKS not in config.stash:
        config.stash[_FORKS] = ExitStack()
        launcher = config.stash[_FORKS].enter_context(forks.forks(*IMPORTED))
        config.stash[_ENVIRONMENT] = {**os.environ, forks.VARIABLE: launcher}
    return config.stash[_ENVIRONMENT]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--fresh-interpreters",
        action="store_true",
        help="start a fresh interpreter for each suite, child and exporter, and repeat commands more often",
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process that was forked."""
    if _FORKS in config.stash:
        config.stash[_FORKS].close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a suite file."""
    if file_path.suffix == ".robot" and file_path.parent.name in FOLDERS:
        return RobotFile.from_parent(parent, path=file_path)
    return None
