"""Label selectors as upstream's helpers take them apart: leniently, since they only compare and filter."""

from __future__ import annotations

import re
from collections.abc import Iterator

Expression = tuple[str, str, list[str]]
"""A key, an operator and its values. Operators: ``in``, ``notin``, ``!=``, ``exists`` and ``!exists``."""

_KEY = r"(?P<key>[A-Za-z0-9_./-]+)"
_AMONG = re.compile(rf"{_KEY}\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_COMPARED = re.compile(rf"{_KEY}\s*(?P<operator>!=|==|=)\s*(?P<value>.*)", re.DOTALL)
_PRESENT = re.compile(rf"(?P<absent>!\s*)?{_KEY}")


def parse_label_selector(selector: str) -> tuple[dict[str, str], list[Expression]]:
    """Return what a selector asks for by equality, by key, and its other requirements in their order.

    What is no requirement is left out. ``key==value`` counts as ``key=value``.

    Args:
        selector: For example ``board=rpi4,speed in (fast,slow),!broken``.
    """
    labels: dict[str, str] = {}
    expressions: list[Expression] = []
    for part in _parts(selector or ""):
        if match := _AMONG.fullmatch(part):
            values = [value.strip() for value in match["values"].split(",")]
            expressions.append((match["key"], match["operator"], values))
        elif match := _COMPARED.fullmatch(part):
            value = match["value"].strip()
            if match["operator"] == "!=":
                expressions.append((match["key"], "!=", [value]))
            else:
                labels[match["key"]] = value
        elif match := _PRESENT.fullmatch(part):
            expressions.append((match["key"], "!exists" if match["absent"] else "exists", []))
    return labels, expressions


def extract_match_labels_filter(selector: str | None) -> str | None:
    """Return the equality part of a selector, by which a controller finds leases; None if it has none."""
    labels, _ = parse_label_selector(selector or "")
    return ",".join(f"{key}={value}" for key, value in labels.items()) or None


def selector_contains(selector: str, requirements: str) -> bool:
    """Tell whether a selector asks for everything that another one asks for.

    Writing does not matter: ``a!=b`` is ``a notin (b)``, as which controllers hand it back, and values have no order.

    Args:
        selector: The selector, for example that of a lease.
        requirements: What it should have.
    """
    labels, expressions = parse_label_selector(selector)
    needed, more = parse_label_selector(requirements)
    if any(labels.get(key) != value for key, value in needed.items()):
        return False
    return set(map(_meaning, more)) <= set(map(_meaning, expressions))


def _meaning(expression: Expression) -> tuple[str, str, frozenset[str]]:
    key, operator, values = expression
    return key, "notin" if operator == "!=" else operator, frozenset(values)


def _parts(selector: str) -> Iterator[str]:
    """Yield what is between a selector's commas, except for those in brackets."""
    begin = depth = 0
    for index, character in enumerate(f"{selector},"):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth <= 0:
            yield selector[begin:index].strip()
            begin = index + 1
    if begin < len(selector):
        yield selector[begin:].strip()
