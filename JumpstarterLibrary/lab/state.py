"""The controller's objects, and the indexes that keep it quick with hundreds of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from JumpstarterLibrary.lab.model import ClientRecord, ExporterRecord, LeaseRecord
from JumpstarterLibrary.lab.policies import ExporterAccessPolicy
from JumpstarterLibrary.lab.selector import Selector

SELECTORS_LIMIT = 1024
"""Selectors whose matching exporters are remembered."""


class ControllerState:
    """Everything that outlives a restart of the controller. To be used on the controller's loop only.

    Attributes:
        namespace: The one namespace.
        clients: By name.
        exporters: By name.
        leases: By name, ended ones included: names are used once.
        policies: The access policies.
        open_leases: Names of the leases whose labels do not say that they ended.
        waiting: Names of the leases that have neither an exporter nor ended.
        held: By name of the exporter the name of the lease that has it.
        generation: Counts everything that can change which exporter a lease gets.
        forced: Kind, reason and message of a condition that every request meets; None for none.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.clients: dict[str, ClientRecord] = {}
        self.exporters: dict[str, ExporterRecord] = {}
        self.leases: dict[str, LeaseRecord] = {}
        self.policies: list[ExporterAccessPolicy] = []
        self.open_leases: dict[str, None] = {}
        self.waiting: dict[str, None] = {}
        self.held: dict[str, str] = {}
        self.generation = 0
        self.forced: tuple[str, str, str] | None = None
        self._matching: OrderedDict[str, tuple[Selector, set[str]]] = OrderedDict()

    def touch(self) -> None:
        """Say that something has changed on which the choice of exporters depends."""
        self.generation += 1

    def add_exporter(self, exporter: ExporterRecord) -> None:
        """Add an exporter, or exchange it for one of the same name."""
        self.exporters[exporter.name] = exporter
        self._file(exporter)

    def remove_exporter(self, name: str) -> None:
        """Remove an exporter. Its leases are the caller's business."""
        del self.exporters[name]
        for _, names in self._matching.values():
            names.discard(name)
        self.touch()

    def relabel(self, exporter: ExporterRecord, labels: Mapping[str, str]) -> None:
        """Give an exporter other labels."""
        if exporter.labels != labels:
            exporter.labels = dict(labels)
            self._file(exporter)

    def _file(self, exporter: ExporterRecord) -> None:
        for selector, names in self._matching.values():
            if selector.matches(exporter.labels):
                names.add(exporter.name)
            else:
                names.discard(exporter.name)
        self.touch()

    def matching(self, selector: Selector) -> set[str]:
        """Return the names of the exporters whose labels match a selector. Do not change the set."""
        key = str(selector)
        found = self._matching.get(key)
        if found is None:
            names = {name for name, exporter in self.exporters.items() if selector.matches(exporter.labels)}
            found = self._matching[key] = (selector, names)
            if len(self._matching) > SELECTORS_LIMIT:
                self._matching.popitem(last=False)
        self._matching.move_to_end(key)
        return found[1]

    def add_lease(self, lease: LeaseRecord) -> None:
        """Add a lease that is not reconciled yet."""
        self.leases[lease.name] = lease
        self.open_leases[lease.name] = None
        self.waiting[lease.name] = None

    def assign(self, lease: LeaseRecord, exporter: str, priority: int, spot: bool) -> None:
        """Give a lease its exporter."""
        lease.exporter, lease.priority, lease.spot = exporter, priority, spot
        self.held[exporter] = lease.name
        self.waiting.pop(lease.name, None)
        self.touch()

    def let_go(self, lease: LeaseRecord) -> None:
        """Note that a lease has ended: its exporter is free."""
        self.waiting.pop(lease.name, None)
        if lease.exporter is not None and self.held.get(lease.exporter) == lease.name:
            del self.held[lease.exporter]
            self.touch()

    def remove_lease(self, lease: LeaseRecord) -> None:
        """Forget a lease altogether, which happens only with its exporter."""
        self.let_go(lease)
        self.open_leases.pop(lease.name, None)
        self.leases.pop(lease.name, None)

    def waiting_for(self, exporter: ExporterRecord) -> list[str]:
        """Return the names of the waiting leases that this exporter would do for."""
        found = []
        for name in self.waiting:
            lease = self.leases[name]
            if lease.exporter_name:
                if lease.exporter_name == exporter.name:
                    found.append(name)
            elif exporter.name in self.matching(lease.selector):
                found.append(name)
        return found
