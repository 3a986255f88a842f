"""The pytest example, as a newcomer runs it: an exporter process, and pytest beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "test_board.py"


@pytest.mark.usefixtures("example_shell")
def test_the_example_runs_on_an_exporter_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    run = subprocess.run([*command, str(EXAMPLE)], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout
