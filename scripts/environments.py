"""Throw-away virtual environments with the built wheel in them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command and leave with its exit status if it fails."""
    sys.stdout.flush()
    status = subprocess.run(list(map(str, command)), cwd=cwd, check=False).returncode
    if status:
        sys.exit(status)


def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder and return it."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


@contextmanager
def environment(requirements: Sequence[str], python: str = sys.executable) -> Iterator[Path]:
    """Make a virtual environment, install requirements, and yield its interpreter.

    Args:
        requirements: What pip shall install.
        python: The interpreter to make it from.
    """
    with tempfile.TemporaryDirectory(prefix="jumpstarter-env-") as name:
        run(python, "-m", "venv", name)
        inside = Path(name) / "bin" / "python"
        run(inside, "-m", "pip", "install", "--quiet", *requirements)
        yield inside


def installed(python: Path) -> dict[str, str]:
    """Return the distributions of an environment and their versions, pip and setuptools aside."""
    listing = subprocess.run(
        [python, "-m", "pip", "list", "--format=json"], check=True, capture_output=True, text=True
    ).stdout
    found = {entry["name"].lower(): entry["version"] for entry in json.loads(listing)}
    return {name: version for name, version in found.items() if name not in ("pip", "setuptools")}
