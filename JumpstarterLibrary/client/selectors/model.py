"""A parsed selector: what it matches, what it means, and how the controller writes it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

EVERYTHING = "<none>"
"""How the controller writes a selector without requirements, that of a lease for an exporter's name."""


class Operator(enum.Enum):
    """Operator of a requirement on a label."""

    equals = "="
    any_of = "in"
    none_of = "notin"
    exists = "exists"
    absent = "absent"


@dataclass(frozen=True)
class Requirement:
    """One requirement on one label.

    Attributes:
        key: The label's key.
        operator: What is asked.
        values: The values that the operator is about, sorted, each once; empty for ``exists`` and ``absent``.
    """

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it. ``none_of`` and ``absent`` are also met where the label is not there at all."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.equals | Operator.any_of:
                return value is not None and value in self.values
            case Operator.none_of:
                return value not in self.values
            case Operator.exists:
                return value is not None
        return value is None

    def __str__(self) -> str:
        match self.operator:
            case Operator.equals:
                return f"{self.key}={self.values[0]}"
            case Operator.any_of | Operator.none_of:
                return f"{self.key} {self.operator.value} ({','.join(self.values)})"
            case Operator.exists:
                return self.key
        return f"!{self.key}"


@dataclass(frozen=True)
class Selector:
    """Requirements that an exporter's labels must meet, all of them.

    ``str`` of it is the controller's own writing: sorted by key, ``!=`` as ``notin``, ``<none>`` for no requirements.

    Attributes:
        requirements: The requirements, sorted by key.
    """

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, requirements: Iterable[Requirement]) -> Selector:
        """Return the selector with these requirements, sorted by key."""
        return cls(tuple(sorted(requirements, key=lambda one: one.key)))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet all requirements."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def means(self, other: Selector) -> bool:
        """Whether another selector asks for the same, also in another notation: ``a in (b)`` means ``a=b``."""
        return self._meaning() == other._meaning()

    def equality_part(self) -> str:
        """Return the requirements with ``=``, as a selector.

        The controller labels a lease with these alone, so a filter for leases finds nothing else.
        """
        return ",".join(str(one) for one in self.requirements if one.operator is Operator.equals)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements)) or EVERYTHING

    def _meaning(self) -> frozenset[_Meaning]:
        by_key: dict[str, _Meaning] = {}
        for one in self.requirements:
            before = by_key.get(one.key, _Meaning(one.key))
            by_key[one.key] = before.narrowed(one)
        meanings = frozenset(meaning.reduced() for meaning in by_key.values())
        # What nothing can match is the same, however it is said.
        return frozenset({_IMPOSSIBLE}) if _IMPOSSIBLE in meanings else meanings


@dataclass(frozen=True)
class _Meaning:
    """All requirements on one key together.

    Attributes:
        key: The key.
        allowed: The values that it may have; None for any.
        denied: Values that it may not have.
        there: Whether it must be there.
        away: Whether it must not.
    """

    key: str
    allowed: frozenset[str] | None = None
    denied: frozenset[str] = frozenset()
    there: bool = False
    away: bool = False

    def narrowed(self, one: Requirement) -> _Meaning:
        """Return the meaning with one requirement more."""
        allowed, denied, there, away = self.allowed, self.denied, self.there, self.away
        match one.operator:
            case Operator.equals | Operator.any_of:
                values = frozenset(one.values)
                allowed, there = (values if allowed is None else allowed & values), True
            case Operator.none_of:
                denied |= frozenset(one.values)
            case Operator.exists:
                there = True
            case Operator.absent:
                away = True
        return _Meaning(self.key, allowed, denied, there, away)

    def reduced(self) -> _Meaning:
        """Return the simplest meaning that matches the same."""
        allowed = None if self.allowed is None else self.allowed - self.denied
        if (self.there and self.away) or (allowed is not None and not allowed):
            return _IMPOSSIBLE
        if self.away:
            return _Meaning(self.key, away=True)
        if allowed is not None:
            return _Meaning(self.key, allowed, there=True)
        return _Meaning(self.key, None, self.denied, self.there)


_IMPOSSIBLE = _Meaning("", frozenset())
