"""A skip is a failure where CI=true, and only there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PYTEST = """
import pytest

def test_tool():
    pytest.skip("no tool")

@pytest.mark.xfail(reason="known")
def test_known():
    assert False
"""

MODULE = 'import pytest\npytest.skip("no tool", allow_module_level=True)\n'

ROBOT = """
*** Test Cases ***
Tool
    Skip    no tool
"""


def run(python: str, folder: Path, ci: str, *command: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [python, "-m", *command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("ci", "status", "summary"), [("true", 1, "1 failed, 1 xfailed"), ("", 0, "1 skipped, 1 xfailed")]
)
def test_skipped_test(robot_python: str, tmp_path: Path, ci: str, status: int, summary: str) -> None:
    (tmp_path / "test_it.py").write_text(PYTEST)
    done = run(robot_python, tmp_path, ci, "pytest", "-p", "scripts.ci_skips", "-p", "no:cacheprovider")
    assert (done.returncode, summary in done.stdout) == (status, True), done.stdout
    if ci:
        assert "test_it.py::test_tool: skipped, which is a failure where CI=true: Skipped: no tool" in done.stdout


@pytest.mark.parametrize(("ci", "status"), [("true", 2), ("", 5)])
def test_skipped_module(robot_python: str, tmp_path: Path, ci: str, status: int) -> None:
    (tmp_path / "test_it.py").write_text(MODULE)
    done = run(robot_python, tmp_path, ci, "pytest", "-p", "scripts.ci_skips", "-p", "no:cacheprovider")
    assert done.returncode == status, done.stdout


@pytest.mark.parametrize(("ci", "status", "counts"), [("true", 1, "0 passed, 1 failed"), ("", 0, "1 skipped")])
def test_skipped_robot_test(robot_python: str, tmp_path: Path, ci: str, status: int, counts: str) -> None:
    (tmp_path / "it.robot").write_text(ROBOT)
    done = run(
        robot_python,
        tmp_path,
        ci,
        "robot",
        "--listener",
        "scripts.ci_skips",
        "--output",
        "NONE",
        "--outputdir",
        ".",
        "it.robot",
    )
    assert (done.returncode, counts in done.stdout) == (status, True), done.stdout + done.stderr
    if ci:
        assert "Skipped, which is a failure where CI=true: no tool" in done.stdout
