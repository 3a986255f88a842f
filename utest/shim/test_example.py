"""The pytest example, as a newcomer runs it: an exporter or a lab in a process, and pytest beside it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "test_board.py"


@pytest.mark.usefixtures("example_shell")
def test_the_example_runs_on_an_exporter_of_its_own(tmp_path: Path) -> None:
    assert_passes(tmp_path)


# It takes some seconds: lab and pytest are processes.
def test_the_example_leases_a_board_of_a_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUMPSTARTER_HOST", raising=False)
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(tmp_path / "config"))
    facts = tmp_path / "ready.json"
    command = [sys.executable, "-m", "JumpstarterLibrary.lab", str(EXAMPLE.with_name("lab.yaml"))]
    arguments = ["--config-dir", str(tmp_path / "config"), "--ready-file", str(facts)]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL) as lab:
        try:
            for _ in range(400):
                if facts.exists() or lab.poll() is not None:
                    break
                threading.Event().wait(0.05)
            assert_passes(tmp_path)
        finally:
            lab.terminate()
    assert lab.returncode == 0


def assert_passes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    run = subprocess.run([*command, str(EXAMPLE)], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout
