"""The components of a virtual lab, for its faults."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.lab.certificates import Authority
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.controller import MockController
from JumpstarterLibrary.lab.exporters import ExporterRunner
from JumpstarterLibrary.lab.model import LeaseRecord
from JumpstarterLibrary.lab.router import MockRouter


@dataclass(kw_only=True)
class LabComponents:
    """The components of a virtual lab. To be used on the lab's loop only.

    Attributes:
        host: The address of controller and router.
        controller: The controller.
        router: The router.
        clock: Lab time.
        authority: Issues certificates; clients trust it, unless each server vouches for itself.
        lives: The exporters, by name.
        endpoint: What clients are told instead of the controller's endpoint; None for that.
    """

    host: str
    controller: MockController
    router: MockRouter
    clock: Clock
    authority: Authority
    lives: dict[str, ExporterRunner] = field(default_factory=dict)
    endpoint: str | None = None

    def exporters(self, names: str) -> list[ExporterRunner]:
        """Return the exporters with these names, separated by commas; all where there is no name.

        Raises:
            UsageError: There is none of a name.
        """
        return [self.lives[name] for name in _chosen(names, self.lives, "exporter")]

    def clients(self, names: str) -> list[str]:
        """Return the names of the clients with these names, likewise."""
        return _chosen(names, self.controller.state.clients, "client")

    def leases(self, names: str) -> list[LeaseRecord]:
        """Return the leases with these names, likewise; all that have begun and not ended where there is no name."""
        leases = self.controller.state.leases
        if names:
            return [leases[name] for name in _chosen(names, leases, "lease")]
        return [lease for lease in leases.values() if lease.effective_begin is not None and not lease.ended]


def _chosen(names: str, known: Collection[str], kind: str) -> list[str]:
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        if name not in known:
            raise UsageError(f"There is no {kind} {name!r}. There is: {', '.join(sorted(known)) or 'none'}.")
    return chosen or list(known)
