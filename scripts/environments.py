"""Virtual environments for tests, and the built wheel for them.

uv makes them: it takes 1 second of a core where pip takes 35. What users install with pip is resolved by pip in
``inv wheel``, and README's first command is run by CI as it stands.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).parent.parent

UV = find_uv_bin()
"""uv's program; looked for once, since Python's configuration cannot be read by two threads at first."""


INDEXES = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX"}
"""pip's environment variables for package indexes, which uv does not read, and those of uv."""


def with_indexes(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment in which uv uses pip's package indexes, unless it has indexes of its own."""
    # Not as options of uv: an index may hold a password, and command lines are shown.
    added = {uv: environ[pip] for pip, uv in INDEXES.items() if environ.get(pip) and not environ.get(uv)}
    return {**environ, **added}


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command and leave with its exit status if it fails."""
    sys.stdout.flush()
    status = subprocess.run(list(map(str, command)), cwd=cwd, env=with_indexes(), check=False).returncode
    if status:
        sys.exit(status)


def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder and return it."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


def creation(home: Path, requirements: Sequence[str], python: str = sys.executable) -> list[list[str]]:
    """Return the commands that make a virtual environment, without pip in it.

    Args:
        home: Its folder.
        requirements: Distributions, and options of ``uv pip install``.
        python: The interpreter to make it from.
    """
    return [
        [UV, "venv", "--quiet", "--python", python, str(home)],
        [UV, "pip", "install", "--quiet", "--python", str(interpreter(home)), *requirements],
    ]


def interpreter(home: Path) -> Path:
    """Return the interpreter of an environment."""
    return home / "bin" / "python"


@contextmanager
def environment(requirements: Sequence[str], python: str = sys.executable) -> Iterator[Path]:
    """Make a virtual environment, install requirements, and yield its interpreter.

    Args:
        requirements: Distributions, and options of ``uv pip install``.
        python: The interpreter to make it from.
    """
    with tempfile.TemporaryDirectory(prefix="jumpstarter-env-") as name:
        home = Path(name) / "env"
        for command in creation(home, requirements, python):
            run(*command)
        yield interpreter(home)


def installed(python: Path) -> dict[str, str]:
    """Return the distributions of an environment and their versions."""
    listing = subprocess.run(
        [UV, "pip", "list", "--quiet", "--python", python, "--format=json"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return {entry["name"].lower(): entry["version"] for entry in json.loads(listing)}
