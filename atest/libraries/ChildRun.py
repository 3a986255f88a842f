"""Runs of robot as child processes: for what a test cannot see of its own run."""

from __future__ import annotations

import html
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from robot.api import ExecutionResult, ResultVisitor
from robot.api.deco import library
from robot.libraries.BuiltIn import BuiltIn
from robot.result import Message, Result

from scripts import forks

LIMIT_S = 60.0
BEGUN_S = 0.5
"""Seconds from the line of a child that announces something until it is under way."""

OURS = ("JMP_", "JUMPSTARTER_", "MODE")
"""How the names of variables begin that a child gets only where a test says so."""


@dataclass(frozen=True)
class ChildResult:
    """How a child run ended.

    Attributes:
        rc: Its exit status.
        stdout: What it printed, both streams.
        seconds: How long it took.
        output: Its output directory.
        after_signal: Seconds between the signal to it, or to its exporter, and its end; 0 without one.
    """

    rc: int
    stdout: str
    seconds: float
    output: Path
    after_signal: float = 0.0

    @property
    def result(self) -> Result:
        """What its output.xml holds."""
        return ExecutionResult(self.output / "output.xml")

    @property
    def messages(self) -> list[str]:
        """The messages of its tests."""
        return [test.message for test in self.result.suite.all_tests]

    @property
    def warnings(self) -> list[str]:
        """The warnings and errors of the run."""
        return [message.message for message in self.result.errors]

    @property
    def statuses(self) -> dict[str, str]:
        """How each of its tests ended, by name."""
        return {test.name: test.status for test in self.result.suite.all_tests}


class _Tables(ResultVisitor):
    """Collects the tables of a log that have a caption."""

    def __init__(self, caption: str) -> None:
        self.rows: list[list[str]] = []
        self._start = f"<b>{html.escape(caption)}</b><table>"

    def visit_message(self, message: Message) -> None:
        if message.html and message.message.startswith(self._start):
            rows = message.message.removeprefix(self._start).split("</tr>")[:-1]
            self.rows.append([" | ".join(map(_text, re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row))) for row in rows])


def _text(cell: str) -> str:
    return html.unescape(cell).replace("\N{NO-BREAK SPACE}", " ").strip()


@library(scope="SUITE", auto_keywords=True)
class ChildRun:
    """Runs suites from ``_children``.

    Args:
        limit: Seconds that a run may take.
    """

    def __init__(self, limit: float = LIMIT_S) -> None:
        self._limit = limit
        self._count = 0
        self._started: list[Future[ChildResult]] = []

    def run_child_suite(self, suite: str, *options: str, **environment: str) -> ChildResult:
        """Run a suite to its end."""
        begin = time.monotonic()
        process, output = self._start(suite, options, environment)
        try:
            stdout, _ = process.communicate(timeout=self._limit)
        except subprocess.TimeoutExpired:
            process.terminate()  # so that it stops its exporters
            process.communicate()
            raise
        return ChildResult(process.returncode, stdout, time.monotonic() - begin, output)

    def start_child_suite(self, suite: str, *options: str, **environment: str) -> None:
        """Start to run a suite beside what this one does; see `Child Test Should Pass`."""
        process, output = self._start(suite, options, environment)
        future: Future[ChildResult] = Future()
        self._started.append(future)

        def wait(begin: float = time.monotonic()) -> None:
            stdout, _ = process.communicate()
            future.set_result(ChildResult(process.returncode, stdout, time.monotonic() - begin, output))

        threading.Thread(target=wait, daemon=True).start()

    def child_test_should_pass(self, name: str) -> ChildResult:
        """Fail unless a test of a suite that was started before passes; return how that suite ended."""
        for future in self._started:
            result = future.result(self._limit)
            for test in result.result.suite.all_tests:
                if test.name == name:
                    assert test.passed, test.message
                    return result
        raise AssertionError(f"No child has the test {name}.")

    def interrupt_child_suite(
        self, suite: str, *options: str, signal_name: str = "SIGTERM", when: str, **environment: str
    ) -> ChildResult:
        """Run a suite, send it a signal when it prints a certain text on its console, and wait for its end."""

        def interrupt(child: subprocess.Popen[str]) -> None:
            forks.send_signal(child, getattr(signal, signal_name))

        return self._interfere(interrupt, when, suite, options, environment)

    def kill_exporter_of_child_suite(
        self, host: str, suite: str, *options: str, when: str, **environment: str
    ) -> ChildResult:
        """Run a suite, kill an exporter when it has printed a certain text on its console, and wait for its end."""

        def kill(_child: subprocess.Popen[str]) -> None:
            # What the text announces begins behind it.
            BuiltIn().get_library_instance("ExporterProcess").kill_exporter(host, after=BEGUN_S)

        return self._interfere(kill, when, suite, options, environment)

    def get_logged_table(self, result: ChildResult, caption: str) -> list[str]:
        """Return the rows of the table with a caption in a run's log, the cells divided by bars."""
        tables = _Tables(caption)
        result.result.visit(tables)
        assert len(tables.rows) == 1, f"{len(tables.rows)} tables have the caption {caption}"
        return tables.rows[0]

    def _interfere(
        self,
        act: Callable[[subprocess.Popen[str]], None],
        when: str,
        suite: str,
        options: tuple[str, ...],
        environment: dict[str, str],
    ) -> ChildResult:
        begin = time.monotonic()
        process, output = self._start(suite, options, environment)
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if when in line:
                break
        acted = time.monotonic()
        act(process)
        rest, _ = process.communicate(timeout=self._limit)
        end = time.monotonic()
        return ChildResult(process.returncode, "".join(seen) + rest, end - begin, output, end - acted)

    def _start(
        self, suite: str, options: tuple[str, ...], environment: dict[str, str]
    ) -> tuple[subprocess.Popen[str], Path]:
        self._count += 1
        builtin = BuiltIn()
        here = Path(str(builtin.get_variable_value("${SUITE_SOURCE}"))).parent
        name = str(builtin.get_variable_value("${SUITE_NAME}")).replace(" ", "-")
        output = Path(str(builtin.get_variable_value("${OUTPUT_DIR}"))) / "children" / f"{name}-{self._count}"
        # Wide enough that no message is wrapped or cut.
        arguments = ["--outputdir", str(output), "--consolewidth", "400", "--consolecolors", "off", *options]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        process = forks.start(
            "robot", *arguments, str(here / suite), environment={**clean, **environment, "PYTHONUNBUFFERED": "1"}
        )
        return process, output
