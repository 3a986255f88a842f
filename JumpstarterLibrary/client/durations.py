"""Parse lengths of time as users write them: a timedelta, seconds, or text such as ``30 min`` and ``1h30m``."""

from __future__ import annotations

import datetime
import re

LONGEST = datetime.timedelta(days=365)
"""The longest time that can be meant."""

_UNITS = {
    0.001: ("ms", "millis", "millisecond", "milliseconds"),
    1.0: ("", "s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3600.0: ("h", "hour", "hours"),
    86400.0: ("d", "day", "days"),
}
_FACTOR = {unit: factor for factor, units in _UNITS.items() for unit in units}
_PART = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_duration(value: object) -> float | None:
    """Return a length of time in seconds; None if the value is none.

    Args:
        value: A timedelta, a number of seconds, or text: ``90``, ``100 ms``, ``30 min``, ``1h30m``, ``1 min 30 s``.
    """
    match value:
        case datetime.timedelta():
            return value.total_seconds()
        case bool():
            return None
        case int() | float():
            return float(value)
        case str():
            return _parse_text(value)
    return None


def _parse_text(text: str) -> float | None:
    total, position = 0.0, 0
    while position < len(text) or not position:
        part = _PART.match(text, position)
        factor = _FACTOR.get(part[2].lower()) if part is not None else None
        if part is None or factor is None:
            return None
        total += float(part[1]) * factor
        position = part.end()
    return total
