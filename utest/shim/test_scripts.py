"""Scripts that were written for upstream run outside of pytest, too."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.power import MockPower

SCRIPT = """
import sys
import beside
from jumpstarter.common.utils import env

with env() as client:
    client.on()
print(sys.argv[1:], [reading.voltage for reading in client.read()] if beside.READ else "", __name__)
"""


@pytest.fixture
def script(tmp_path: Path, shell: Callable[[Driver], str]) -> Path:
    """A script that uses the exporter of the shell, and a module beside it."""
    shell(MockPower())
    tmp_path.joinpath("beside.py").write_text("READ = False\n")
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "pytest_jumpstarter", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [("script.py",), ("-m", "script")])
def test_a_script_and_a_module(script: Path, words: tuple[str, ...]) -> None:
    done = run(script.parent, *words, "-v", "on")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "['-v', 'on']  __main__\n")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    usage = "Usage: python -m pytest_jumpstarter (SCRIPT | -m MODULE) [ARGUMENT ...]\n"
    assert run(tmp_path).stderr == usage
    assert run(tmp_path, "--help").stderr == usage
    assert run(tmp_path, "nothing.py").stderr == f"There is no script 'nothing.py'. {usage}"


def test_without_it_the_names_are_not_there(script: Path) -> None:
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert re.search(r"ModuleNotFoundError: No module named 'jumpstarter\b.*'\n$", done.stderr)
