"""Rows about whole runs and installations: what a user waits for, and what a user installs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.processes import Setting, run, wall_times
from bench.rows import Row, Target
from interop.upstream import DRIVERS, VERSION
from scripts.check_wheel import DISTRIBUTION_LIMIT

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
    meaning = "A run of `robot` with one `Power On`, less a run with one `No Operation`."
    yield Row("robot with one Power On, over an empty run", meaning, "s", {"ours": extra}, (target,))


def pytest(setting: Setting, title: str, suite: str, limit: float, rounds: int = 7) -> Iterator[Row]:
    """Measure pytest runs with JumpstarterTest in shell mode, the same file with both plugins.

    Args:
        setting: What everything is measured with.
        title: The row's name.
        suite: The file in ``suites``.
        limit: The target, as a part of upstream's time.
        rounds: How many runs.
    """
    file = setting.folder / suite
    file.write_text((SUITES / suite).read_text())
    options = ["-p", "no:cacheprovider", f"--rootdir={setting.folder}", str(file)]
    commands = {name: [setting.python(name), "-m", "pytest", *options] for name in ("ours", "upstream")}
    environ = {**setting.environ, "JUMPSTARTER_HOST": setting.host, "JMP_DRIVERS_ALLOW": "UNSAFE"}
    figures = wall_times(commands, environ, rounds)
    target = Target(f"<= {limit} x upstream", figures["ours"] / figures["upstream"], limit)
    meaning = "A whole run of `pytest` in shell mode, with the same file and either plugin."
    yield Row(title, meaning, "s", figures, (target,))


def distributions(setting: Setting) -> Iterator[Row]:
    """Count what pip would install."""
    theirs = [f"jumpstarter-testing=={VERSION}", *(f"jumpstarter-driver-{name}=={VERSION}" for name in DRIVERS)]
    figures = {
        "upstream": _count(setting.python("upstream"), theirs),
        "ours": _count(setting.python("ours"), [f"{ROOT}[pytest]"]),
    }
    meaning = "What pip installs for the pytest plugin, and for upstream's with five drivers."
    yield Row(
        "distributions of [pytest]",
        meaning,
        "",
        figures,
        (Target(f"<= {DISTRIBUTION_LIMIT}", figures["ours"], DISTRIBUTION_LIMIT),),
    )


def _count(python: str, requirements: Sequence[str]) -> int:
    options = ["--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    command = [sys.executable, "-m", "pip", "--python", python, "install", *options, *requirements]
    return len(json.loads(run(command))["install"])
