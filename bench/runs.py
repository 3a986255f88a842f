"""Rows about whole runs and installations: what a user waits for, and what a user installs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.processes import LIMIT_S, Setting, wall_times
from bench.rows import Row, Target
from interop.upstream import DRIVERS, VERSION

SUITES = Path(__file__).parent / "suites"
ROOT = Path(__file__).parent.parent


def robot(setting: Setting, rounds: int = 7) -> Iterator[Row]:
    """Measure a Robot run with one `Power On`, less a run that does nothing."""
    options = ["--output", "NONE", "--report", "NONE", "--log", "NONE"]
    commands = {
        name: [
            sys.executable,
            "-m",
            "robot",
            *options,
            "--outputdir",
            str(setting.folder),
            str(SUITES / f"{name}.robot"),
        ]
        for name in ("empty", "power")
    }
    times = wall_times(commands, {**setting.environ, "JUMPSTARTER_HOST": setting.host}, rounds)
    extra = times["power"] - times["empty"]
    target = Target("<= 0.35", extra, 0.35)
    yield Row("robot with one Power On, over an empty run", "s", {"ours": extra}, (target,))


def pytest(setting: Setting, rounds: int = 7) -> Iterator[Row]:
    """Measure pytest runs with JumpstarterTest in shell mode, the same files with both plugins."""
    yield _pytest(setting, rounds, "pytest with one JumpstarterTest test", "test_power.py", 0.45)
    yield _pytest(setting, rounds, "pytest with four JumpstarterTest classes", "test_classes.py", 0.35)


def _pytest(setting: Setting, rounds: int, name: str, suite: str, limit: float) -> Row:
    file = setting.folder / suite
    file.write_text((SUITES / suite).read_text())
    options = ["-p", "no:cacheprovider", f"--rootdir={setting.folder}", str(file)]
    commands = {name: [setting.python(name), "-m", "pytest", *options] for name in ("ours", "upstream")}
    environ = {**setting.environ, "JUMPSTARTER_HOST": setting.host, "JMP_DRIVERS_ALLOW": "UNSAFE"}
    row = Row(name, "s", wall_times(commands, environ, rounds))
    target = Target(f"<= {limit} x upstream", row.ratio("ours", "upstream"), limit)
    return Row(row.name, row.unit, row.figures, (target,))


def distributions(setting: Setting) -> Iterator[Row]:
    """Count what pip would install."""
    theirs = [f"jumpstarter-testing=={VERSION}", *(f"jumpstarter-driver-{name}=={VERSION}" for name in DRIVERS)]
    figures = {
        "ours": _count(sys.executable, [f"{ROOT}[pytest]"]),
        "upstream": _count(setting.upstream.python, theirs),
    }
    yield Row("distributions of [pytest]", "", figures, (Target("<= 20", figures["ours"], 20),))


def _count(python: str, requirements: Sequence[str]) -> int:
    options = ["--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    command = [python, "-m", "pip", "install", *options, *requirements]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT_S)
    return len(json.loads(done.stdout)["install"])
