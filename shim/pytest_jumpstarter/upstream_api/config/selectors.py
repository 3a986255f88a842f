"""Label selectors as upstream's helpers take them apart, over the client's own grammar in its lenient mode."""

from __future__ import annotations

from JumpstarterLibrary.client.selectors import parse_terms

Expression = tuple[str, str, list[str]]
"""A key, an operator and its values. Operators: ``in``, ``notin``, ``!=``, ``exists`` and ``!exists``."""


def parse_label_selector(selector: str) -> tuple[dict[str, str], list[Expression]]:
    """Return what a selector asks for by equality, by key, and its other requirements in their order.

    What is no requirement is left out. ``key==value`` counts as ``key=value``.

    Args:
        selector: For example ``board=rpi4,speed in (fast,slow),!broken``.
    """
    terms = list(parse_terms(selector or ""))
    labels = {term.key: term.values[0] for term in terms if term.operator == "="}
    return labels, [(term.key, term.operator, list(term.values)) for term in terms if term.operator != "="]


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
