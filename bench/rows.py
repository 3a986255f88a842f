"""One line of the table: a figure for each subject and the targets for it, or the reason why there is no figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class NotMeasured(Exception):
    """A row or group cannot be measured; the text is one sentence."""

    def __init__(self, reason: object) -> None:
        super().__init__(" ".join(str(reason).split()))


class ToolMissing(NotMeasured):
    """This machine lacks what the measurement needs. That is no failure."""


class MeasurementFailed(NotMeasured):
    """The measurement was tried and broke."""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        name: What was measured.
        meaning: The same in a sentence, for the page in the documentation.
        unit: Unit of the figures.
        figures: Medians by subject; none if it was not measured.
        targets: Bounds.
        reason: Why it was not measured; empty if it was.
        broken: Whether the measurement was tried and broke.
    """

    name: str
    meaning: str
    unit: str
    figures: Mapping[str, float]
    targets: tuple[Target, ...] = field(default=())
    reason: str = ""
    broken: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing broke and no target was missed. A missing tool fails nothing."""
        return not self.broken and all(target.met for target in self.targets)

    def record(self) -> dict[str, Any]:
        """Return it for the JSON file."""
        targets = [{**asdict(target), "met": target.met} for target in self.targets]
        return {**asdict(self), "figures": dict(self.figures), "targets": targets}


COLUMNS = ("ours", "upstream", "bare")


def unmeasured(group: str, error: NotMeasured) -> Row:
    """Return the row that stands for what a group could not measure.

    Args:
        group: Its name.
        error: The reason.
    """
    return Row(group, "", "", {}, reason=str(error), broken=isinstance(error, MeasurementFailed))


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text."""
    width = max(len(row.name) for row in rows)
    head = f"{'':{width}}  {'unit':8}" + "".join(f"{name:>10}" for name in COLUMNS) + "  target"
    return "\n".join([head, *(_line(row, width) for row in rows)])


def _line(row: Row, width: int) -> str:
    if row.reason:
        return f"{row.name:{width}}  {verdict(row)}"
    figures = "".join(f"{figure(row.figures.get(name)):>10}" for name in COLUMNS)
    return f"{row.name:{width}}  {row.unit:8}{figures}  {verdict(row)}".rstrip()


def verdict(row: Row) -> str:
    """Return the row's targets and whether they were met, or the reason why it was not measured."""
    if row.reason:
        return f"{'FAILED' if row.broken else 'not measured'}: {row.reason}"
    return "; ".join(map(str, row.targets))


def figure(value: float | None) -> str:
    """Return a figure in three digits or more."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
