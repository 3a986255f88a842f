"""Test the wheel with the oldest and with the newest dependencies that its metadata allows."""

from __future__ import annotations

import os
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
    f"--ignore=utest/{name}"
    for name in ("chaos", "scripts", "protocol/test_generated.py", "protocol/test_published.py")
)
"""Tests of what is only in the checkout: scripts, the generator, and the comparison with upstream's descriptors; and
what takes minutes."""

PYTHONS = ("3.14", "3.13", "3.12")
"""Versions for the newest environment, the first that is there; otherwise the interpreter that runs this."""


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
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for version in PYTHONS:
        on_path = shutil.which(f"python{version}")
        candidates = [on_path] if on_path else []
        for found in [*candidates, *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]:
            # pyenv's stand-ins are on the path as well, and say only when they run that nothing is behind them.
            if subprocess.run([found, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
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
