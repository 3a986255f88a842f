"""Test the wheel with the oldest and with the newest dependencies that its metadata allows."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.environments import ROOT, build_wheel, environment, installed

SHOWN = ("grpcio", "protobuf", "robotframework", "pytest")

TOOLS = tuple(
    f"--ignore=utest/{name}"
    for name in ("chaos", "scripts", "protocol/test_generated.py", "protocol/test_published.py")
)
"""Tests of what is only in the checkout: scripts, the generator, and the comparison with upstream's descriptors; and
what takes minutes."""

PLUGINS = ("pytest-xdist", "pytest-rerunfailures", "rich")
"""What the plugin works together with, and is tested with."""

LIMIT_S = 1800
"""Seconds for one run."""

CRASHES = {"oldest": (-signal.SIGSEGV, -signal.SIGABRT), "newest": ()}
"""How a run may end once: gRPC 1.66 now and then crashes the interpreter, long after a call. A second time counts."""

PYTHONS = ("3.14", "3.13", "3.12")
"""Versions for the newest environment, the first that is there; otherwise the interpreter that runs this."""


def main() -> int:
    """Test both environments at once, a core each; return 1 if one fails, with its output."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        wheel = f"{build_wheel(Path(name))}[upstream,novnc]"
        trials = [
            pool.submit(trial, "oldest", sys.executable, [wheel, *PLUGINS, *oldest(ROOT / "pyproject.toml")]),
            pool.submit(trial, "newest", newest_python(), [wheel, *PLUGINS]),
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
        for found in [*candidates, *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]:
            # pyenv's stand-ins are on the path as well, and say only when they run that nothing is behind them.
            if subprocess.run([found, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
                return found
    return sys.executable


def trial(title: str, python: str, requirements: Sequence[str]) -> str:
    """Run the unit tests and the examples in a new environment, and return the output if one fails."""
    with environment(requirements, python) as inside, tempfile.TemporaryDirectory() as results:
        version = subprocess.run([inside, "-V"], check=True, capture_output=True, text=True).stdout.strip()
        found = installed(inside)
        words = f"{title}: {version}, {', '.join(f'{name} {found[name]}' for name in SHOWN)}"
        # -P keeps the checkout off the path: it is the wheel that is tested.
        for arguments in (
            ("pytest", "--quiet", "-p", "no:cacheprovider", "utest", *TOOLS),
            ("robot", "--outputdir", results, "--console", "dotted", "examples"),
        ):
            done = _run(inside, arguments)
            if done.returncode in CRASHES[title]:
                _say(f"{words}: {signal.Signals(-done.returncode).name}, and once more.\n{done.stderr}")
                done = _run(inside, arguments)
            _say(f"{words}: {closing_line(done.stdout)}")
            if done.returncode:
                return f"{words} failed:\n{done.stdout}{done.stderr}\n"
    return ""


def _run(python: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-P", "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def closing_line(output: str) -> str:
    """Return the line that sums a run up: the last one that counts tests."""
    lines = [line for line in output.splitlines() if re.search(r"[0-9]+ passed|[0-9]+ failed|[0-9]+ error", line)]
    return lines[-1].strip("= ") if lines else "nothing was counted"


if __name__ == "__main__":
    sys.exit(main())
