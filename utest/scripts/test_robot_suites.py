"""Robot suites as pytest tests: each case has its own result, a suite runs once, and files keep their order."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SUITE = """
*** Variables ***
@{STATES}    on    off

*** Test Cases ***
Passes
    Log    fine

Fails With A Sentence
    Fail    The board 'b1' did not start.

Is Skipped
    Skip    no board

Takes [Any] Name? Yes*
    Log    fine
"""

BROKEN = """
*** Settings ***
Library    no_such_library_anywhere.py

*** Test Cases ***
Needs It
    No Such Keyword
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with suites in it."""
    for folder in ("atest", "atest/_children", "other"):
        (tmp_path / folder).mkdir()
    for path in ("atest/01_first.robot", "atest/_children/child.robot", "other/other.robot"):
        (tmp_path / path).write_text(SUITE)
    (tmp_path / "atest" / "test_python.py").write_text("def test_python():\n    pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(robot_python: str, checkout: Path) -> Run:
    """Run pytest in a folder with suites."""
    return partial(start, robot_python, checkout)


def start(python: str, checkout: Path, *options: str, ci: str = "") -> tuple[int, str]:
    command = [python, "-m", "pytest", "-p", "scripts.robot_suites", "-p", "scripts.file_order"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--basetemp={checkout / 'temporary'}", *options],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CI": ci, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def test_each_case_is_a_test_with_its_own_result(run: Run, checkout: Path) -> None:
    status, text = run("-rA", "atest")
    assert status == 1
    assert "PASSED atest/01_first.robot::Passes\n" in text
    assert "PASSED atest/01_first.robot::Takes [Any] Name? Yes*\n" in text
    assert "FAILED atest/01_first.robot::Fails With A Sentence - The board 'b1' did not start." in text
    log = checkout / "results" / "atest" / "01_first" / "log.html"
    assert f"The board 'b1' did not start.\nSee {log}." in text
    assert log.exists()
    assert "1 failed, 3 passed, 1 skipped" in text.splitlines()[-1]


def test_in_continuous_integration_a_skipped_case_has_failed(run: Run, checkout: Path) -> None:
    status, text = run("-rA", "atest", "-k", "Skipped", ci="true")
    assert status == 1
    assert "Skipped, which is a failure where CI=true: no board" in text


def test_only_selected_cases_run(run: Run, checkout: Path) -> None:
    status, text = run("-rA", "atest", "-k", "Any")
    assert status == 0
    assert "1 passed, 4 deselected" in text.splitlines()[-1]
    output = (checkout / "results" / "atest" / "01_first" / "output.xml").read_text()
    assert "Takes [Any] Name? Yes*" in output
    assert "Fails With A Sentence" not in output


def test_a_suite_that_robot_cannot_run_fails(run: Run, checkout: Path) -> None:
    (checkout / "atest" / "02_broken.robot").write_text(BROKEN)
    status, text = run("atest/02_broken.robot")
    assert status == 1
    assert "No keyword with name 'No Such Keyword' found." in text


def test_workers_share_the_files(run: Run, checkout: Path) -> None:
    (checkout / "atest" / "02_second.robot").write_text(SUITE)
    status, text = run("-n", "2", "--dist", "loadfile", "atest")
    assert status == 1
    assert "2 failed, 5 passed, 2 skipped" in text.splitlines()[-1]


def test_a_random_order_is_repeated_by_its_seed(run: Run, checkout: Path) -> None:
    for number in range(6):
        (checkout / "atest" / f"test_{number}.py").write_text(f"def test_{number}():\n    pass\n")
    options = ("--collect-only", "-q", "atest")
    first, again, other = (
        [line for line in run(*options, "--shuffle-files", seed)[1].splitlines() if "::" in line]
        for seed in ("1", "1", "2")
    )
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other)
