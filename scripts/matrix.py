"""Test the wheel with the oldest and with the newest dependencies that its metadata allows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from scripts.environments import ROOT, build_wheel, environment, installed, run

SHOWN = ("grpcio", "protobuf", "robotframework", "pytest")

TOOLS = tuple(
    f"--ignore=utest/{name}" for name in ("scripts", "protocol/test_generated.py", "protocol/test_published.py")
)
"""Tests of what is only in the checkout: scripts, the generator, and the comparison with upstream's descriptors."""

PYTHONS = ("python3.14", "python3.13", "python3.12")
"""Interpreters for the newest environment, the first that is there; otherwise the one that runs this."""


def main() -> None:
    """Test both environments."""
    with tempfile.TemporaryDirectory() as name:
        wheel = build_wheel(Path(name))
        trial("oldest", sys.executable, [f"{wheel}[pytest]", *oldest(ROOT / "pyproject.toml")])
        trial("newest", newest_python(), [f"{wheel}[pytest]"])


def oldest(pyproject: Path) -> list[str]:
    """Return the lower bounds of all dependencies as exact requirements."""
    project = tomllib.loads(pyproject.read_text())["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["pytest"]]
    return [re.sub(r">=\s*([^,;\s]+).*", r"==\1", requirement) for requirement in requirements]


def newest_python() -> str:
    """Return the newest interpreter of this machine that works."""
    for name in PYTHONS:
        found = shutil.which(name)
        # A version manager's stand-in is found as well, and says only when it runs that there is nothing behind it.
        if found and subprocess.run([found, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return found
    return sys.executable


def trial(title: str, python: str, requirements: Sequence[str]) -> None:
    """Install into a new environment and run the unit tests and the examples there."""
    with environment(requirements, python) as inside, tempfile.TemporaryDirectory() as results:
        version = subprocess.run([inside, "-V"], check=True, capture_output=True, text=True).stdout.strip()
        found = installed(inside)
        sys.stdout.write(f"{title}: {version}, {', '.join(f'{name} {found[name]}' for name in SHOWN)}\n")
        # -P keeps the checkout off the path: it is the wheel that is tested.
        run(inside, "-P", "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "utest", *TOOLS)
        run(inside, "-P", "-m", "robot", "--outputdir", results, "--console", "dotted", "examples")


if __name__ == "__main__":
    main()
