"""Document what keywords return: a page for each type in the keyword documentation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

from JumpstarterLibrary import types

RESULTS = (
    types.CommandResult,
    types.ConsoleMatch,
    types.ExporterStatus,
    types.ImageReport,
    types.LeaseInfo,
    types.PowerReading,
    types.StateChange,
    types.UBootNetwork,
)
"""The types of results; keywords take none of them as an argument."""

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def document_results() -> dict[type, Callable[[object], object]]:
    """Return entries for ``ROBOT_LIBRARY_CONVERTERS``, which give each type of a result its page."""
    return {kind: _converter(kind) for kind in RESULTS}


def _converter(kind: type) -> Callable[[object], object]:
    def convert(value: object) -> object:
        return value

    convert.__doc__ = page(kind)
    return convert


def page(kind: type) -> str:
    """Return the documentation of a type of a result, with a table of its attributes."""
    text, _, attributes = (inspect.getdoc(kind) or "").partition("\n\nAttributes:\n")
    rows = [(name, " ".join(meaning.split())) for name, meaning in _ATTRIBUTE.findall(attributes)]
    for name, member in vars(kind).items():
        if isinstance(member, property) and not name.startswith("_"):
            rows.append((name, " ".join((inspect.getdoc(member) or "").split())))
    return "\n".join([text, "", "| =Attribute= | =Meaning= |", *(f"| ``{name}`` | {does} |" for name, does in rows)])
