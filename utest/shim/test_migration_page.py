"""The examples of docs/migration.md, as they are there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "docs" / "migration.md").read_text(), re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
ROBOT = [text for language, text in BLOCKS if language == "robotframework"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the examples write to the board."""
    shutil.copy(ROOT / "examples" / "images" / "hello.img", tmp_path / "firmware.img")
    return tmp_path


def test_there_are_examples() -> None:
    assert (len(PYTHON), len(ROBOT)) == (3, 1)


@pytest.mark.parametrize("text", PYTHON)
def test_python(shell: Callable[[Driver], str], board_python: str, folder: Path, text: str) -> None:
    shell(Composite(children={"dutlink": VirtualBoard(preinstalled=True)}))
    file = folder / "test_example.py"
    file.write_text(text)
    run(board_python, folder, "pytest", "-W", "error", "-p", "no:cacheprovider", f"--rootdir={folder}", str(file))


# It takes two seconds: Robot Framework runs in a process.
@pytest.mark.parametrize("text", ROBOT)
def test_robot(folder: Path, text: str) -> None:
    file = folder / "example.robot"
    file.write_text(text)
    run(sys.executable, folder, "robot", "--outputdir", str(folder / "results"), str(file))


def run(python: str, folder: Path, module: str, *arguments: str) -> None:
    command = [python, "-m", module, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
