"""Build the wheel, install it into an environment of its own, and check that everything arrived and can be imported.

Check also that pip finds versions with which the extra ``[upstream]`` is installed beside all of upstream's packages.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from interop.upstream import VERSION
from scripts.environments import ROOT, build_wheel, environment, installed, run

DISTRIBUTION_LIMIT = 24
"""Distributions that an installation with the extra ``[pytest]`` may take, ours and the four of pydantic included."""

UPSTREAM = f"jumpstarter-all=={VERSION}"
"""The distribution that depends on every package of upstream's."""

LIMIT_S = 600
"""Seconds in which pip has to find versions that fit together."""

SOURCES = {"JumpstarterLibrary": ROOT, "shim/pytest_jumpstarter": ROOT / "shim"}

PROBE = """
import importlib, pkgutil, sys
from importlib import metadata

skipped = ("JumpstarterLibrary.exporter.__main__", "JumpstarterLibrary.lab.__main__")
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
from pytest_jumpstarter import compat_modules
from pytest_jumpstarter.upstream_api import names
compat_modules.append_to_path()
for name in names.NAMES:
    module = importlib.import_module(name)
    assert "site-packages" in module.__file__, module.__file__
    for attribute in getattr(module, "__all__", ()):
        try:
            getattr(module, attribute)
        except ImportError as error:
            assert "Install robotframework-jumpstarter[" in str(error), f"{name}.{attribute}: {error}"
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
    """Check the wheel; return 1 if it needs too many distributions or cannot be installed beside upstream's."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(1) as pool:
        wheel = build_wheel(Path(name))
        refusal = pool.submit(resolve, [f"{wheel}[upstream]", UPSTREAM])
        with environment([f"{wheel}[pytest]"]) as python:
            run(python, "-I", "-c", PROBE, *expected(), cwd=Path(name))
            run(python, "-I", "-m", "robot.libdoc", "JumpstarterLibrary", "version", cwd=Path(name))
            found = installed(python)
        refused = refusal.result()
    sys.stdout.write(f"{wheel.name}: complete; {len(found)} distributions with [pytest]: {', '.join(sorted(found))}\n")
    sys.stdout.write(f"{refused or f'{wheel.name}: [upstream] can be installed beside {UPSTREAM}.'}\n")
    return 1 if refused or len(found) > DISTRIBUTION_LIMIT else 0


def resolve(requirements: list[str]) -> str:
    """Let pip find versions that fit together, without installing them; return the reason if there are none."""
    options = ["--dry-run", "--ignore-installed", "--disable-pip-version-check", "--progress-bar", "off"]
    command = [sys.executable, "-m", "pip", "install", *options, *requirements]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"pip found no versions of {UPSTREAM} and [upstream] that fit together within {LIMIT_S} s."
    return refusal_sentence(done.stdout, done.stderr) if done.returncode else ""


def refusal_sentence(output: str, errors: str) -> str:
    """Return one sentence about requirements that pip cannot install together.

    Args:
        output: Standard output of pip, which names the requirements that conflict.
        errors: Its standard error.
    """
    text = f"The extra [upstream] cannot be installed beside {UPSTREAM}"
    _, conflict, after = output.partition("The conflict is caused by:\n")
    if not conflict:
        reasons = [line for line in errors.splitlines() if line.lower().startswith("error:")]
        return f"{text}: pip failed: {(reasons or errors.strip().splitlines() or ['it gave no reason'])[-1]}"
    causes = "; ".join(line.strip() for line in after.partition("\n\n")[0].splitlines())
    return f"{text}: {causes}. Change the bound in pyproject.toml so that both can be met."


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
