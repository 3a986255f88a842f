"""Values of files: texts and lengths of time, checked."""

from __future__ import annotations

import re

_UNITS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([a-z]*)")


class Unfit(ValueError):
    """A value is not what its place needs; the message says what that is."""


def text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise Unfit("this is a text, and none is given" if value in ("", None) else f"this is a text, not {value!r}")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Return texts from a list of texts, or from one."""
    return tuple(text(item) for item in (value if isinstance(value, list) and value else [value]))


def duration(value: object) -> float:
    """Return a length of time in seconds: a number of them, or a text such as ``100 ms``, ``2 s`` or ``1 min``."""
    found = _DURATION.fullmatch(str(value)) if not isinstance(value, bool) else None
    if found is None or found[2] not in ("", *_UNITS):
        raise Unfit(f"a length of time is a number with ms, s or min, such as 100 ms, not {value!r}")
    return float(found[1]) * _UNITS.get(found[2], 1.0)


def number(value: object) -> float:
    """Return a number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Unfit(f"this is a number that is not negative, not {value!r}")
    return float(value)
