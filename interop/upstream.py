"""Upstream's published packages in a virtual environment of their own: the peer that everything here is tried with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from interop.environments import CACHE, kept

VERSION = "0.9.0"

DRIVERS = ("power", "composite", "opendal", "network", "pyserial")
"""Upstream's drivers that ours are compared with."""

REQUIREMENTS = tuple(
    f"{name}=={VERSION}"
    for name in (
        "jumpstarter",
        "jumpstarter-cli",
        "jumpstarter-testing",
        *(f"jumpstarter-driver-{driver}" for driver in (*DRIVERS, "uboot")),
    )
)

ADMIN = Path(__file__).parent / "stand_ins" / "admin"
"""Installed in place of ``jumpstarter-cli-admin``, which nothing here uses, but every ``jmp`` imports."""


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
        return {**clean_environ(runtime), **more}


def clean_environ(runtime: Path) -> dict[str, str]:
    """Return an environment that has nothing of ours in it.

    Args:
        runtime: Directory for sockets and configuration; keep its path short.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JMP_", "JUMPSTARTER_", "PYTEST"))}
    places = dict.fromkeys(("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "JMP_CLIENT_CONFIG_HOME"), str(runtime))
    return {**kept, **places, "PYTHONUNBUFFERED": "1"}


def install(cache: Path = CACHE) -> Upstream:
    """Return upstream's installation; built on the first use, which takes the package index.

    It is whole but for the commands of administrators, which the environment of ``test_beside_upstream.py`` has.

    Args:
        cache: Where it is kept.

    Raises:
        EnvironmentUnavailable: It could not be built.
    """
    sources = sorted(path for path in ADMIN.iterdir() if path.is_file())
    return Upstream(kept(f"upstream-{VERSION}", (*REQUIREMENTS, str(ADMIN)), cache, sources=sources))
