"""Build the wheel, install it into an environment of its own, and check that everything arrived and can be imported."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.environments import ROOT, build_wheel, environment, installed, run

DISTRIBUTION_LIMIT = 20
"""Distributions that an installation with the extra ``[pytest]`` may take, ours included."""

SOURCES = {"JumpstarterLibrary": ROOT, "shim/pytest_jumpstarter": ROOT / "shim"}

PROBE = """
import importlib, pkgutil, sys
from importlib import metadata

skipped = ("pytest_jumpstarter.compat.", "JumpstarterLibrary.exporter.__main__", "JumpstarterLibrary.lab.__main__")
for name in ("JumpstarterLibrary", "pytest_jumpstarter"):
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, f"{name}."):
        if found.name.startswith(skipped):
            continue
        try:
            importlib.import_module(found.name)
        except ImportError as error:
            # Only what is built on an extra may miss its package, and only the plugin has such modules.
            extra = (error.name or "").partition(".")[0] in ("anyio", "click", "websockets")
            told = "Install robotframework-jumpstarter[" in str(error)
            assert (extra or told) and name == "pytest_jumpstarter", f"{found.name}: {error}"
from JumpstarterLibrary import JumpstarterLibrary
from JumpstarterLibrary.protocol.pool import POOL
assert POOL.FindServiceByName("jumpstarter.v1.ExporterService")
assert any(point.name == "jumpstarter" for point in metadata.entry_points(group="pytest11"))
files = {str(file) for file in metadata.files("robotframework-jumpstarter")}
missing = [name for name in sys.argv[1:] if name not in files]
assert not missing, f"not in the wheel: {missing}"
assert "site-packages" in sys.modules["JumpstarterLibrary"].__file__
"""


def main() -> int:
    """Check the wheel; return 1 if it needs too many distributions."""
    with tempfile.TemporaryDirectory() as name:
        wheel = build_wheel(Path(name))
        with environment([f"{wheel}[pytest]"]) as python:
            run(python, "-I", "-c", PROBE, *expected(), cwd=Path(name))
            run(python, "-I", "-m", "robot.libdoc", "JumpstarterLibrary", "version", cwd=Path(name))
            found = installed(python)
    sys.stdout.write(f"{wheel.name}: complete; {len(found)} distributions with [pytest]: {', '.join(sorted(found))}\n")
    return 1 if len(found) > DISTRIBUTION_LIMIT else 0


def expected() -> list[str]:
    """Return the paths that the wheel must have: every file of our packages."""
    return [
        path.relative_to(base).as_posix()
        for package, base in SOURCES.items()
        for path in sorted((ROOT / package).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


if __name__ == "__main__":
    sys.exit(main())
