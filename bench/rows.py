"""One line of the table: a figure for each subject, and whether what was aimed at was reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """A bound for a figure.

    Attributes:
        text: The bound in words.
        value: What was measured for it.
        limit: The bound.
        at_least: Whether it is a lower bound. Default: an upper one.
    """

    text: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure is within the bound."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        return f"{self.text}: {self.value:.2f}, {'met' if self.met else 'MISSED'}"


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        name: What was measured.
        unit: Unit of the figures.
        figures: Medians by subject.
        targets: Bounds.
    """

    name: str
    unit: str
    figures: Mapping[str, float]
    targets: tuple[Target, ...] = field(default=())

    def ratio(self, of: str, to: str) -> float:
        """Return one subject's figure in terms of another's."""
        return self.figures[of] / self.figures[to]

    def record(self) -> dict[str, Any]:
        """Return it for the JSON file."""
        targets = [{**asdict(target), "met": target.met} for target in self.targets]
        return {"name": self.name, "unit": self.unit, "figures": dict(self.figures), "targets": targets}


COLUMNS = ("ours", "upstream", "bare")


def table(rows: list[Row]) -> str:
    """Return the rows as text."""
    width = max(len(row.name) for row in rows)
    head = f"{'':{width}}  {'unit':8}" + "".join(f"{name:>10}" for name in COLUMNS) + "  target"
    return "\n".join([head, *(_line(row, width) for row in rows)])


def _line(row: Row, width: int) -> str:
    figures = "".join(f"{_figure(row.figures.get(name)):>10}" for name in COLUMNS)
    targets = "; ".join(map(str, row.targets))
    return f"{row.name:{width}}  {row.unit:8}{figures}  {targets}".rstrip()


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
