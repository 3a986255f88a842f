"""Test the plugin with release lines of pytest that it supports, warnings being errors.

``inv test`` runs with the newest line. Here run the oldest one and the first of the newest major release, or with
``--all`` every line.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.environments import ROOT, build_wheel, environment
from scripts.matrix import DISTRIBUTED, PLUGINS, closing_line, module

LINES = ("8.3", "8.4", "9.0", "9.1", "9.2")
BOUNDS = ("8.3", "9.0")
"""Lines at which pytest's interface to plugins changes for the plugin."""

SUITES = ("utest/shim/plugin", *(f"utest/shim/test_{name}.py" for name in ("failure", "leasing", "plugin", "testcase")))
"""What depends on pytest; the rest of utest/shim tests our side of upstream's names."""

AT_ONCE = 2
"""Release lines that are tested at once; a core each on a small machine."""

LIMIT_S = 900


def main(arguments: Sequence[str] | None = None) -> int:
    """Test the lines, several at once; return 1 if one fails, with its output."""
    parser = argparse.ArgumentParser(prog="inv pytests", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every line")
    lines = LINES if parser.parse_args(arguments).all else BOUNDS
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(AT_ONCE) as pool:
        wheel = build_wheel(Path(name))
        failed = [output for output in pool.map(lambda line: trial(wheel, line), lines) if output]
    sys.stdout.writelines(failed)
    return 1 if failed else 0


def trial(wheel: Path, line: str) -> str:
    """Test one release line in a new environment, and return the output if that fails."""
    with environment([f"{wheel}[upstream,novnc]", *PLUGINS, f"pytest=={line}.*"]) as python:
        command = [*module(python), "pytest", "-W", "error", *DISTRIBUTED, *SUITES]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    sys.stdout.write(f"pytest {line}: {closing_line(done.stdout)}\n")
    sys.stdout.flush()
    return f"pytest {line} failed:\n{done.stdout}{done.stderr}\n" if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
