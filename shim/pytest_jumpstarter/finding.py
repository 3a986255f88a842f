"""How a test class gets its board: decided once, before anything is connected."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from JumpstarterLibrary.client.config import HOST, LEASE
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.wish import Wish

CHOICES = (
    f"Run pytest inside `jmp shell` (which sets {HOST}), set {HOST} to the socket path or host:port of an exporter, "
    f"set {LEASE} to the name of a lease, give the class a selector or an exporter_name to lease one, or use "
    f"--jumpstarter-mode=virtual for a virtual board."
)


@dataclass(frozen=True)
class Finding:
    """How a board is found.

    Attributes:
        mode: ``shell``, ``lease`` or ``virtual``.
        why: Why it is this mode, in words.
        lease: The lease that is used, and not released; None for a lease of our own.
        lab: Whether leases come from the run's virtual lab.
    """

    mode: str
    why: str
    lease: str | None = None
    lab: bool = False

    def told(self, subject: str, board: str) -> str:
        """Return the line for the log.

        Args:
            subject: Who has the board.
            board: Which one it is.
        """
        return f"{self.mode.capitalize()} mode for {subject}, because {self.why}: {board}."


def find(wish: Wish, *, lab: bool = False, environ: Mapping[str, str] = os.environ) -> Finding:
    """Return how a board is found.

    A mode that was asked for is taken. Otherwise it is the exporter that ``JUMPSTARTER_HOST`` names; else a lease of
    the virtual lab if the run has one; else the lease that ``JMP_LEASE`` names; else one that is made or found by the
    class's own words.

    Args:
        wish: What is wanted.
        lab: Whether the run has a virtual lab.
        environ: The environment.

    Raises:
        ConfigurationError: Nothing says which board it is.
    """
    asked = f"mode={wish.mode} was asked for"
    if wish.mode == "virtual":
        return Finding("virtual", asked, lab=True)
    if wish.mode == "shell" or (wish.mode == "auto" and environ.get(HOST)):
        # Without the variable, connecting says what to do.
        return Finding("shell", asked if wish.mode == "shell" else f"{HOST} is set")
    if lab:
        return Finding("lease", "there is a virtual lab to lease from", lab=True)
    if environ.get(LEASE):
        return Finding("lease", f"{LEASE} names lease {environ[LEASE]}", environ[LEASE])
    if wish.selector or wish.exporter:
        return Finding("lease", f"the {_wanted(wish)} was given")
    if wish.name:
        return Finding("lease", f"lease_name names lease {wish.name}", wish.name)
    if wish.mode == "lease":
        raise ConfigurationError(
            f"mode=lease needs to know what to lease for {wish.subject}. Give it a selector or an exporter_name, or "
            f"set {LEASE} to the name of a lease."
        )
    raise ConfigurationError(f"There is no exporter for {wish.subject}. {CHOICES}")


def _wanted(wish: Wish) -> str:
    return f"selector '{wish.selector}'" if wish.selector else f"exporter_name '{wish.exporter}'"
