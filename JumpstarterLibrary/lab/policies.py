"""Access policies: which clients may lease which exporters, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from JumpstarterLibrary.lab.selector import Selector, parse

DESCRIPTIONS_LIMIT = 4096
"""Characters of the descriptions that a refused client gets to see."""


@dataclass(frozen=True)
class AccessRule:
    """One rule of a policy.

    Attributes:
        clients: Selectors of client labels; one of them has to match. An empty text matches every client.
        priority: Ranks exporters for one lease; higher first.
        maximum_duration: The longest lease that it admits; None for any.
        spot_access: Only while no other client wants the exporter; the controller refuses those so far.
        description: What refused clients are told.
    """

    clients: Sequence[str] = ("",)
    priority: int = 0
    maximum_duration: timedelta | None = None
    spot_access: bool = False
    description: str = ""
    _selectors: tuple[Selector, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_selectors", tuple(parse(text) for text in self.clients))

    def admits(self, labels: Mapping[str, str], wanted: timedelta) -> bool:
        """Whether a client with these labels may lease for this long."""
        if self.maximum_duration is not None and wanted > self.maximum_duration:
            return False
        return any(selector.matches(labels) for selector in self._selectors)


@dataclass(frozen=True)
class ExporterAccessPolicy:
    """A policy: rules for some exporters.

    Attributes:
        exporters: Selector of exporter labels; an empty text matches every exporter.
        rules: Its rules.
        name: Its name.

    Raises:
        SelectorError: A selector cannot be parsed.
    """

    exporters: str = ""
    rules: Sequence[AccessRule] = ()
    name: str = ""
    _selector: Selector = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_selector", parse(self.exporters))

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Whether it is about an exporter with these labels."""
        return self._selector.matches(labels)


@dataclass(frozen=True)
class Approval:
    """That a client may lease an exporter, and how much that counts.

    Attributes:
        priority: Of the best rule.
        spot: Whether only spot access was granted.
    """

    priority: int = 0
    spot: bool = False

    @property
    def order(self) -> tuple[bool, int]:
        """Sorts better ones first: those that are not spot access, then by priority."""
        return self.spot, -self.priority


ANY_CLIENT = Approval()
"""Without any policy, every client may lease every exporter."""


def approval(
    policies: Sequence[ExporterAccessPolicy],
    exporter: Mapping[str, str],
    client: Mapping[str, str],
    wanted: timedelta,
) -> Approval | None:
    """Return whether a client may lease an exporter; None if not.

    Args:
        policies: All policies of the namespace.
        exporter: The exporter's labels.
        client: The client's labels.
        wanted: For how long. Too long counts as not admitted.
    """
    if not policies:
        return ANY_CLIENT
    approvals = [
        Approval(rule.priority, rule.spot_access)
        for policy in policies
        if policy.covers(exporter)
        for rule in policy.rules
        if rule.admits(client, wanted)
    ]
    return min(approvals, key=lambda one: one.order, default=None)


def descriptions(
    policies: Sequence[ExporterAccessPolicy],
    exporters: Iterable[Mapping[str, str]],
    client: Mapping[str, str],
    wanted: timedelta,
) -> str:
    """Return what the rules for these exporters that do not admit a client say of themselves."""
    exporters = list(exporters)
    texts = {
        rule.description: None
        for policy in policies
        if any(policy.covers(labels) for labels in exporters)
        for rule in policy.rules
        if rule.description and not rule.admits(client, wanted)
    }
    return "; ".join(texts)[:DESCRIPTIONS_LIMIT]
