"""The device tree: an exporter's report as nodes with names, paths and parents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from JumpstarterLibrary.common.values import listed
from JumpstarterLibrary.errors import NoSuchDriver
from JumpstarterLibrary.protocol import jumpstarter_pb2
from JumpstarterLibrary.protocol.names import LABEL_CLIENT, LABEL_NAME
from JumpstarterLibrary.types import DriverInfo

DRIVERS = 20_000
"""Drivers at most in a tree."""

DEPTH = 50
"""Drivers at most in each other."""

LONGEST_NAME = 200
"""Characters of a driver's name; a longer one is shortened, with a number made of all of it."""

ROOT = "(root)"
"""What the root is called where it is a driver of its own."""


@dataclass(eq=False)
class Node:
    """One place in the tree. Two places may be the same driver (and carry the same uuid), where one is a proxy.

    Attributes:
        uuid: The driver instance to call.
        name: Name under its parent; empty for the root.
        label: Class path of upstream's client class for it.
        labels: All labels of the report.
        parent: The node above, None for the root.
        children: Nodes below, by name, in the exporter's order.
    """

    uuid: str
    name: str
    label: str
    labels: dict[str, str]
    description: str | None = None
    methods: dict[str, str] = field(default_factory=dict)
    parent: Node | None = None
    children: dict[str, Node] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Dotted place in the tree; empty for the root."""
        return ".".join(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names on the way to it, its own last; none for a root without a name."""
        above = self.parent.names if self.parent else ()
        return (*above, self.name) if self.name or self.parent else ()

    @property
    def info(self) -> DriverInfo:
        """What users are shown of it."""
        return DriverInfo(self.path, self.label, self.description, dict(self.methods))

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, parents first."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    def find(self, path: str) -> Node:
        """Return the node at a dotted path below this one; an empty path is this node.

        Raises:
            NoSuchDriver: There is no such driver; the message lists the neighbours.
        """
        if path in ("", ROOT):
            return self
        if path in self.children:
            return self.children[path]
        # A name may hold dots itself.
        names = (name for name in self.children if path.startswith(f"{name}."))
        name = max(names, key=len, default=path.partition(".")[0])
        rest = path.removeprefix(name).removeprefix(".")
        return self.child(name).find(rest) if rest else self.child(name).child("")

    def child(self, name: str) -> Node:
        """Return the child of that name.

        Raises:
            NoSuchDriver: There is none; the message lists those that are there.
        """
        try:
            return self.children[name]
        except KeyError:
            where = f" under '{self.path}'" if self.path else ""
            there = listed(sorted(self.children)) or "no drivers"
            raise NoSuchDriver(f"No driver '{name}'{where}. It has: {there}.") from None


def build_tree(reports: Sequence[jumpstarter_pb2.DriverInstanceReport]) -> Node:
    """Return the root of the tree that an exporter reports.

    Reports come parents first. A proxy repeats its target's uuid, so that a parent's uuid means the latest node
    before the child that carries it.

    Raises:
        NoSuchDriver: The report has no driver, too many, too many in each other, or a driver whose parent was not
            reported before it.
    """
    latest: dict[str, Node] = {}
    root: Node | None = None
    if len(reports) > DRIVERS:
        raise NoSuchDriver(f"The exporter reports {len(reports):,} drivers, and at most {DRIVERS:,} can be used.")
    for report in reports:
        labels = dict(report.labels)
        name = _bounded(labels.get(LABEL_NAME, ""))
        node = Node(
            uuid=report.uuid,
            name=name,
            label=labels.get(LABEL_CLIENT, ""),
            labels=labels,
            description=report.description if report.HasField("description") else None,
            methods=dict(report.methods_description),
        )
        if root is None:
            root = node
        else:
            parent = latest.get(report.parent_uuid)
            if parent is None:
                raise NoSuchDriver(
                    f"The exporter reports driver '{name}' under a parent that it did not report. Its tree is unusable."
                )
            node.parent = parent
            if len(node.names) > DEPTH:
                raise NoSuchDriver(
                    f"The exporter reports drivers in each other, more than {DEPTH} deep. Its tree is unusable. Check "
                    f"its `export` configuration."
                )
            parent.children[name] = node
        latest[report.uuid] = node
    if root is None:
        raise NoSuchDriver("The exporter reports no driver at all. Check its `export` configuration.")
    return root


def _bounded(name: str) -> str:
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}…{hashlib.sha256(name.encode()).hexdigest()[:12]}"
