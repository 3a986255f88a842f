"""HTML for log.html, built by pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from JumpstarterLibrary.types import DriverInfo, PowerReading

_CELL = 'style="text-align:left;padding:0 1em 0 0;font-weight:normal"'
_HEAD = 'style="text-align:left;padding:0 1em 0 0"'

_TABLE = "<b>"


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of texts; everything is escaped."""
    parts = [f"{_TABLE}{escape(caption)}</b><table><tr>"]
    parts += [f"<th {_HEAD}>{escape(cell)}</th>" for cell in head]
    parts.append("</tr>")
    for row in rows:
        parts.append("<tr>" + "".join(f"<td {_CELL}>{escape(cell)}</td>" for cell in row) + "</tr>")
    parts.append("</table>")
    return "".join(parts)


def is_table(text: str) -> bool:
    """Return whether a line of a log is a table of this module."""
    return text.startswith(_TABLE)


def device_tree(alias: str, exporter: str, drivers: Sequence[DriverInfo]) -> str:
    """Return the drivers of a device as a table, children indented under their parents."""
    rows = [
        (
            "\N{NO-BREAK SPACE}" * 4 * info.path.count(".") + (info.path.rpartition(".")[2] or "(root)"),
            info.path,
            info.label.rpartition(".")[2] or "unknown",
            info.description or "",
        )
        for info in drivers
    ]
    caption = f"Device '{alias}', exporter '{exporter}'"
    return table(caption, ("driver", "path", "kind", "description"), rows)


def readings_table(readings: Sequence[PowerReading]) -> str:
    """Return power readings as a table with units."""
    rows = [
        (str(number), f"{reading.voltage:.3f}", f"{reading.current:.3f}", f"{reading.power:.3f}")
        for number, reading in enumerate(readings, 1)
    ]
    return table(f"{len(readings)} power readings", ("#", "V", "A", "W"), rows)


def transcript_link(console: str, href: str, timed: str) -> str:
    """Return links to a console's transcripts: every byte, and timed lines."""
    every_byte = f'<a href="{escape(href, quote=True)}">transcript</a>'
    timed_lines = f'<a href="{escape(timed, quote=True)}">with times and what was typed</a>'
    return f"Console '{escape(console)}': {every_byte}, {timed_lines}"
