"""Explain why a selector finds no exporter, in one phrase."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from JumpstarterLibrary.client.selectors.model import Operator, Requirement, Selector
from JumpstarterLibrary.common.values import listed

LONGEST = 300
"""Characters of the whole phrase."""

_VALUES = 4
_NAMES = 3
_REQUIREMENTS = 2

Labels = Mapping[str, str]


def nearest(selector: Selector, exporters: Mapping[str, Labels]) -> str:
    """Return what keeps a selector from finding an exporter, and what there is instead.

    A phrase without capital and full stop, for an error: ``no exporter has board=rpi5; 2 have board=rpi4``. It is
    bounded in length.

    Args:
        selector: The selector.
        exporters: The labels of all exporters, by their names.
    """
    phrase = _phrase(selector, exporters)
    return phrase if len(phrase) <= LONGEST else phrase[: LONGEST - 1] + "…"


def _phrase(selector: Selector, exporters: Mapping[str, Labels]) -> str:
    if not exporters:
        return "there are no exporters"
    matching = [name for name, labels in exporters.items() if selector.matches(labels)]
    if matching:
        return f"{_counted(len(matching), 'exporter matches', 'exporters match')}: {listed(matching, _NAMES)}"
    labels = list(exporters.values())
    excluding = [one for one in selector.requirements if not any(one.matches(found) for found in labels)]
    if excluding:
        return "; ".join(_excluded(one, labels) for one in excluding[:_REQUIREMENTS])
    return _combination(selector, exporters)


def _excluded(one: Requirement, labels: Sequence[Labels]) -> str:
    """Return why no exporter meets one requirement alone."""
    found = Counter(there[one.key] for there in labels if one.key in there)
    if one.operator is Operator.absent:
        return f"every exporter has the label '{one.key}'"
    if one.operator is Operator.none_of:
        return f"every exporter has {_wanted(one)}"
    if not found:
        close = difflib.get_close_matches(one.key, {key for there in labels for key in there}, n=1)
        return f"no exporter has a label '{one.key}'" + (f" (there is '{close[0]}')" if close else "")
    near = sorted(found, key=lambda value: (-_likeness(value, one.values), -found[value], value))
    instead = [f"{_counted(found[value], 'has', 'have')} {_pair(one.key, value)}" for value in near]
    return f"no exporter has {_wanted(one)}; {listed(instead, _VALUES)}"


def _wanted(one: Requirement) -> str:
    return _pair(one.key, one.values[0]) if len(one.values) == 1 else f"{one.key} in ({','.join(one.values)})"


def _combination(selector: Selector, exporters: Mapping[str, Labels]) -> str:
    """Return why requirements that are met one by one are not met together."""
    missed = {
        name: [one for one in selector.requirements if not one.matches(labels)] for name, labels in exporters.items()
    }
    least = min(len(lacking) for lacking in missed.values())
    if least > 1:
        name = next(name for name, lacking in missed.items() if len(lacking) == least)
        return f"no exporter meets all of it; '{name}' comes nearest but lacks {listed(missed[name], _VALUES)}"
    alone = Counter(lacking[0] for lacking in missed.values() if len(lacking) == 1)
    one, count = alone.most_common(1)[0]
    names = [name for name, lacking in missed.items() if lacking == [one]]
    shown = [f"{name} ({_state(one.key, exporters[name])})" for name in names]
    return f"no exporter meets all of it; without '{one}' {count} would match: {listed(shown, _NAMES)}"


def _state(key: str, labels: Labels) -> str:
    return _pair(key, labels[key]) if key in labels else f"no {key}"


def _pair(key: str, value: str) -> str:
    return f"{key}={value}" if value else f"an empty {key}"


def _likeness(value: str, wanted: Iterable[str]) -> float:
    return max((difflib.SequenceMatcher(None, value, other).ratio() for other in wanted), default=0.0)


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
