"""Exporters and leases as rows: for tables that have ``add_column`` and ``add_row``, as those of rich do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

LeaseCells = tuple[str, str, str]
"""Who has an exporter, the status of the lease, and when it ends."""

FREE: LeaseCells = ("", "Available", "")


class Table(Protocol):
    """A table, for example rich's."""

    def add_column(self, header: str, /, **options: Any) -> Any:
        """Append a column."""

    def add_row(self, *cells: str) -> Any:
        """Append a row."""


class ExporterRow(Protocol):
    """An exporter as a table shows it; see ``records.Exporter``."""

    name: str
    labels: dict[str, str]
    online: bool
    status: ExporterStatus | None
    enabled: bool


@dataclass
class WithOptions:
    """The columns of a table of exporters beside their names and labels.

    Attributes:
        show_online: Whether they are connected to the controller.
        show_leases: Who has them, and until when.
        show_status: What they say of themselves.
        show_disabled: Whether they may be leased at all.
    """

    show_online: bool = False
    show_leases: bool = False
    show_status: bool = False
    show_disabled: bool = False


def add_display_columns(table: Table, options: WithOptions | None = None) -> None:
    """Add the columns of a table of exporters."""
    options = options or WithOptions()
    columns = {
        "NAME": True,
        "ENABLED": options.show_disabled,
        "ONLINE": options.show_online,
        "STATUS": options.show_status,
        "LABELS": True,
        "LEASED BY": options.show_leases,
        "LEASE STATUS": options.show_leases,
        "RELEASE TIME": options.show_leases,
    }
    for header, shown in columns.items():
        if shown:
            table.add_column(header)


def add_exporter_row(
    table: Table, exporter: ExporterRow, options: WithOptions | None = None, lease_info: LeaseCells | None = None
) -> None:
    """Add an exporter to a table with the columns of ``add_display_columns``.

    Args:
        table: The table.
        exporter: The exporter.
        options: The same as for the columns.
        lease_info: What is shown of its lease. Default: that it is available.
    """
    options = options or WithOptions()
    cells = [exporter.name]
    if options.show_disabled:
        cells.append(yes(exporter.enabled))
    if options.show_online:
        cells.append(yes(exporter.online))
    if options.show_status:
        cells.append(str(exporter.status) if exporter.status else "UNKNOWN")
    cells.append(pairs(exporter.labels))
    if options.show_leases:
        cells += lease_info or FREE
    table.add_row(*cells)


def yes(value: bool) -> str:
    """Return a truth value as tables show it."""
    return "yes" if value else "no"


def pairs(values: dict[str, str]) -> str:
    """Return labels or tags as tables show them."""
    return ",".join(f"{key}={value}" for key, value in sorted(values.items()))
