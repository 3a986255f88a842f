"""Lengths of time as people write them: a timedelta, seconds, or text such as ``30 min`` and ``1h30m``."""

from __future__ import annotations

import datetime
import re

LONGEST = datetime.timedelta(days=365)
"""The longest time that can be meant."""

_UNITS = {
    0.001: ("ms", "millisecond", "milliseconds"),
    1.0: ("", "s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3600.0: ("h", "hour", "hours"),
    86400.0: ("d", "day", "days"),
}
_FACTOR = {unit: factor for factor, units in _UNITS.items() for unit in units}
_PART = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", re.IGNORECASE)


def duration(value: object, what: str) -> datetime.timedelta:
    """Return a length of time.

    Args:
        value: A timedelta, a number of seconds, or text: ``90``, ``30 min``, ``1h30m``, ``1 min 30 s``.
        what: What it is for, as its owner spells it: ``lease_timeout``.

    Raises:
        ValueError: It is none, or not longer than nothing, or longer than a year; the text is a whole sentence.
    """
    seconds = _seconds(value)
    if seconds is None:
        raise ValueError(
            f"{what}: {value!r} is no length of time. Give a timedelta, a number of seconds, or text such as '30 min' "
            f"or '1h30m'."
        )
    if not 0 < seconds <= LONGEST.total_seconds():
        raise ValueError(f"{what}: {value} has to be longer than nothing and at most {LONGEST.days} days.")
    return datetime.timedelta(seconds=seconds)


def _seconds(value: object) -> float | None:
    match value:
        case datetime.timedelta():
            return value.total_seconds()
        case bool():
            return None
        case int() | float():
            return float(value)
        case str():
            return _written(value)
    return None


def _written(text: str) -> float | None:
    total, position = 0.0, 0
    while position < len(text) or not position:
        part = _PART.match(text, position)
        factor = _FACTOR.get(part[2].lower()) if part is not None else None
        if part is None or factor is None:
            return None
        total += float(part[1]) * factor
        position = part.end()
    return total
