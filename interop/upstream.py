"""Upstream's published packages in a virtual environment of their own: the peer that everything here is tried with."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VERSION = "0.9.0"

DRIVERS = ("power", "composite", "opendal", "network", "pyserial")

REQUIREMENTS = tuple(
    f"{name}=={VERSION}"
    for name in (
        "jumpstarter",
        "jumpstarter-cli",
        "jumpstarter-testing",
        *(f"jumpstarter-driver-{driver}" for driver in DRIVERS),
    )
)

CACHE = Path(__file__).parent.parent / ".interop"

INSTALL_LIMIT_S = 600


class UpstreamUnavailable(Exception):
    """Upstream's packages could not be installed here."""


@dataclass(frozen=True)
class Upstream:
    """An installation of upstream's packages.

    Attributes:
        home: The virtual environment.
    """

    home: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.home / "bin" / "python")

    @property
    def jmp(self) -> str:
        """Its command line."""
        return str(self.home / "bin" / "jmp")

    def environ(self, runtime: Path, **more: str) -> dict[str, str]:
        """Return an environment that has nothing of ours in it.

        Args:
            runtime: Directory for sockets and configuration; keep its path short.
            more: Further variables.
        """
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("JMP_", "JUMPSTARTER_", "PYTEST"))
        }
        places = {
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_CONFIG_HOME": str(runtime),
            "JMP_CLIENT_CONFIG_HOME": str(runtime),
        }
        return {**kept, **places, "PYTHONUNBUFFERED": "1", **more}


def install(cache: Path = CACHE) -> Upstream:
    """Return upstream's installation; built on the first use, which takes a minute and the package index.

    Args:
        cache: Where it is kept.

    Raises:
        UpstreamUnavailable: It could not be built.
    """
    home = cache / f"upstream-{VERSION}"
    complete = home / "complete.txt"
    wanted = "\n".join(REQUIREMENTS)
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        if not complete.exists() or complete.read_text() != wanted:
            shutil.rmtree(home, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(home)])
            _run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *REQUIREMENTS])
            complete.write_text(wanted)
    return Upstream(home)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_S)
    except subprocess.CalledProcessError as error:
        raise UpstreamUnavailable(f"{' '.join(command[1:4])} failed: {error.stderr.strip()[-400:]}") from error
    except subprocess.TimeoutExpired as error:
        raise UpstreamUnavailable(f"{' '.join(command[1:4])} took more than {INSTALL_LIMIT_S} seconds.") from error


if __name__ == "__main__":
    sys.stdout.write(f"{install().home}\n")
