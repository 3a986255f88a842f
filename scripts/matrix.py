"""Test the wheel with the oldest and with the newest dependencies that its metadata allows.

``inv test`` is the column between: all tests, with the dependencies of the development environment. Here run the suites
that touch the wire and the controller, or with ``--all`` every unit test. ``inv pytests`` tests the plugin.
"""

from __future__ import annotations

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.environments import ROOT, build_wheel, environment, installed

OLDEST = "oldest"

SHOWN = ("grpcio", "protobuf", "robotframework", "pytest")

UTEST = ROOT / "utest"

WIRE = (
    *(f"utest/{name}" for name in ("protocol", "client/drivers", "client/leasing", "exporter", "lab")),
    *(str(path.relative_to(ROOT)) for path in sorted((UTEST / "client").glob("test_*.py"))),
    "utest/shim/test_testcase.py",
)
"""What depends on gRPC and protobuf: the wire and the controller; and one suite of the plugin over both."""

CHECKOUT = tuple(
    f"--ignore=utest/{name}"
    for name in ("chaos", "fuzz", "scripts", "protocol/test_generated.py", "protocol/test_published.py")
)
"""Tests of what is only in the checkout: scripts, the generator, and the comparison with upstream's descriptors; the
fuzzers, which need Hypothesis; and what takes minutes."""

WORKERS = 2
"""Processes for the tests of one environment, of which two are tested at once: they wait half of the time."""

RUN = f"""
import runpy, sys
sys.path.append({str(ROOT)!r})
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module with the checkout behind what is installed: the wheel is tested, by the helpers of the checkout."""

PLUGINS = ("pytest-xdist", "pytest-rerunfailures", "rich")
"""What the plugin works together with, and is tested with."""

DISTRIBUTED = ("--quiet", "-p", "no:cacheprovider", f"--numprocesses={WORKERS}", "--dist=loadfile")
"""Options of pytest for a run in several processes."""

LIMIT_S = 1800
"""Seconds for one run."""

CRASH = "' crashed while running '"
"""What pytest-xdist prints when an interpreter crashes: gRPC 1.66 does that now and then, long after a call."""

PYTHONS = ("3.14", "3.13", "3.12")
"""Versions for the newest environment, the first that is there; otherwise the interpreter that runs this."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Test both environments at once, a core each; return 1 if one fails, with its output."""
    parser = argparse.ArgumentParser(prog="inv matrix", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every unit test, not only those of the wire")
    suites = ["utest"] if parser.parse_args(arguments).all else list(WIRE)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        wheel = f"{build_wheel(Path(name))}[upstream,novnc]"
        trials = [
            pool.submit(trial, OLDEST, sys.executable, [wheel, *PLUGINS, *oldest(ROOT / "pyproject.toml")], suites),
            pool.submit(trial, "newest", newest_python(), [wheel, *PLUGINS], suites),
        ]
        failed = [output for output in (trial.result() for trial in trials) if output]
    sys.stdout.writelines(failed)
    return 1 if failed else 0


def oldest(pyproject: Path) -> list[str]:
    """Return the lower bounds of all dependencies as exact requirements."""
    project = tomllib.loads(pyproject.read_text())["project"]
    extras = project["optional-dependencies"]
    ours = project["name"]
    requirements = [*project["dependencies"], *extras["pytest"], *extras["upstream"]]
    others = [requirement for requirement in requirements if not requirement.startswith(ours)]
    return [re.sub(r">=\s*([^,;\s]+).*", r"==\1", requirement) for requirement in others]


def newest_python() -> str:
    """Return the newest interpreter of this machine that works."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for version in PYTHONS:
        on_path = shutil.which(f"python{version}")
        candidates = [on_path] if on_path else []
        # Path.glob fails at a folder of another user.
        for found in [*candidates, *sorted(glob.glob(f"{pyenv}/{version}.*/bin/python"))]:  # noqa: PTH207
            # pyenv's stand-ins are on the path as well, and say only when they run that nothing is behind them.
            if subprocess.run([found, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
                return found
    return sys.executable


def trial(title: str, python: str, requirements: Sequence[str], suites: Sequence[str]) -> str:
    """Run the unit tests and the examples in a new environment, and return the output if one fails."""
    with environment(requirements, python) as inside, tempfile.TemporaryDirectory() as results:
        version = subprocess.run([inside, "-V"], check=True, capture_output=True, text=True).stdout.strip()
        found = installed(inside)
        words = f"{title}: {version}, {', '.join(f'{name} {found[name]}' for name in SHOWN)}"
        for arguments in (
            ("pytest", *DISTRIBUTED, *suites, *CHECKOUT),
            ("robot", "--outputdir", results, "--console", "dotted", "examples"),
        ):
            done = _run(inside, arguments)
            if title == OLDEST and done.returncode and CRASH in done.stdout:
                # Once; a second crash counts.
                _say(f"{words}: an interpreter crashed; tested once more.\n{done.stdout}{done.stderr}")
                done = _run(inside, arguments)
            _say(f"{words}: {closing_line(done.stdout)}")
            if done.returncode:
                return f"{words} failed:\n{done.stdout}{done.stderr}\n"
    return ""


def _run(python: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [*module(python), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def module(python: Path) -> list[str]:
    """Return the beginning of a command that runs a module of an environment; the module's name follows."""
    # -P keeps the working directory off the path.
    return [str(python), "-P", "-c", RUN]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def closing_line(output: str) -> str:
    """Return the line that sums a run up: the last one that counts tests."""
    lines = [line for line in output.splitlines() if re.search(r"[0-9]+ passed|[0-9]+ failed|[0-9]+ error", line)]
    return lines[-1].strip("= ") if lines else "nothing was counted"


if __name__ == "__main__":
    sys.exit(main())
