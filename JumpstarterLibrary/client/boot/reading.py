"""Values of files: texts and lengths of time, checked."""

from __future__ import annotations

import math

from JumpstarterLibrary.client.durations import parse_duration


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
    """Return a length of time in seconds: a number of them, or a text such as ``100 ms``, ``2 s`` or ``1h30m``."""
    found = parse_duration(value)
    if found is None or not 0 <= found < math.inf:
        raise Unfit(f"a length of time is a number of seconds, or a text such as 100 ms or 1h30m, not {value!r}")
    return found


def number(value: object) -> float:
    """Return a number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Unfit(f"this is a number that is not negative, not {value!r}")
    return float(value)
