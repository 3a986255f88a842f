"""Parse lengths of time: ``90``, ``500 ms``, ``2 h``, ``1h30m``, ``10 secs``, ``1:30:00`` and ``PT1H30M``.

One parser for every place that takes a time: arguments of keywords, settings of pytest, and files of exporters, labs,
clients and device states.
"""

from __future__ import annotations

import datetime
import re

from JumpstarterLibrary.common.values import InvalidValue, shown, type_name

LONGEST = datetime.timedelta(days=365)
"""The longest time that can be meant: waiting primitives refuse what is close to infinity."""

SHORT_S = 0.5
"""The short example of a refusal, for limits that allow it."""

SHORT_TEXT = 12
"""Characters of a refused text that are shown although it is no length of time; a longer one may be a secret."""

_UNITS = {
    1e-9: ("ns", "nanosecond", "nanoseconds"),
    1e-6: ("us", "μs", "µs", "microsecond", "microseconds"),
    0.001: ("ms", "millis", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3600.0: ("h", "hour", "hours"),
    86400.0: ("d", "day", "days"),
    604800.0: ("w", "week", "weeks"),
}
_FACTOR = {unit: factor for factor, units in _UNITS.items() for unit in units}
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_PART = re.compile(rf"\s*({_NUMBER})\s*([a-zµμ]+)\s*", re.IGNORECASE)
_CLOCK = re.compile(r"(?:([0-9]+):)?([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]*)?)")
"""Robot Framework's timer strings: ``minutes:seconds`` and ``hours:minutes:seconds``."""
_ISO = re.compile(
    rf"P(?=.*[0-9])(?:({_NUMBER})W)?(?:({_NUMBER})D)?(?:T(?=[0-9.])(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?",
    re.IGNORECASE,
)
_ISO_FACTORS = (604800.0, 86400.0, 3600.0, 60.0, 1.0)


def parse_duration(value: object) -> float | None:
    """Return a length of time in seconds, which may be negative or infinite; None if the value is none.

    Args:
        value: A timedelta, a number of seconds, or text as this module's first line shows; without years and months,
            whose length is not fixed.
    """
    match value:
        case datetime.timedelta():
            return value.total_seconds()
        case bool():
            return None
        case int() | float():
            return _float(value)
        case str():
            return _parse_text(value.strip())
    return None


def read_duration(
    value: object,
    *,
    least: float = 0.0,
    most: float = LONGEST.total_seconds(),
    positive: bool = False,
    whole: bool = False,
) -> float:
    """Return a length of time in seconds, checked.

    Args:
        value: As ``parse_duration`` takes it.
        least: The shortest one in seconds. Default: 0.
        most: The longest one in seconds. Default: 365 days.
        positive: Whether it has to be longer than the shortest one. Default: no.
        whole: Whether it has to be whole seconds. Default: no.

    Raises:
        InvalidValue: It is no such length of time.
    """
    found = parse_duration(value)
    fits = found is not None and (least < found if positive else least <= found) and found <= most
    if found is None or not fits or (whole and not found.is_integer()):
        limits = f"above {_bound(least)}, at most" if positive else f"from {_bound(least)} to"
        kind = "a length of time in whole seconds" if whole else "a length of time"
        short = "" if whole or least > SHORT_S else f"'{SHORT_S * 1000:g} ms', "
        examples = f"such as 90 (seconds), {short}'1h30m' or 'PT1H30M'"
        secret = found is None and isinstance(value, str) and len(value) > SHORT_TEXT
        refused = type_name(value) if secret else shown(value)
        raise InvalidValue(f"{kind} {limits} {_bound(most)}, {examples}", refused)
    return found


def _bound(seconds: float) -> str:
    days = seconds / 86400
    return f"{days:g} days" if days >= 1 else f"{seconds:g} seconds"


def _parse_text(text: str) -> float | None:
    if (clock := _CLOCK.fullmatch(text)) is not None:
        hours, minutes, seconds = (_float(part or 0) for part in clock.groups())
        return hours * 3600 + minutes * 60 + seconds
    if (iso := _ISO.fullmatch(text)) is not None:
        return sum(_float(part) * factor for part, factor in zip(iso.groups(), _ISO_FACTORS, strict=True) if part)
    if re.fullmatch(_NUMBER, text):
        return _float(text)
    total, position = 0.0, 0
    while position < len(text) or not position:
        part = _PART.match(text, position)
        factor = _FACTOR.get(part[2].lower()) if part is not None else None
        if part is None or factor is None:
            return None
        total += _float(part[1]) * factor
        position = part.end()
    return total


def _float(number: str | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf")
