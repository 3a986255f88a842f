"""What a single setting may be. As lenient as upstream's client: ``"yes"`` is true, and ``"10"`` is a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

LONGEST_S = 365 * 24 * 3600
"""Seconds of the longest time limit: waiting primitives refuse what is close to infinity."""

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})


class Unfit(Exception):
    """A value that cannot be what it is given for.

    Attributes:
        needed: What could be.
        found: What was found, where that is no secret; empty for the kind of the value.
    """

    def __init__(self, needed: str, found: str = "") -> None:
        super().__init__(needed)
        self.needed = needed
        self.found = found


def text(value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise Unfit("text")
    return value


def text_or_nothing(value: object) -> str | None:
    """Return a text, or None for null."""
    return None if value is None else text(value)


def word(value: object) -> str | None:
    """Return a text that can travel as metadata of a call, or None for null. It may be a secret."""
    found = text_or_nothing(value)
    if found is not None and not (found.isascii() and found.isprintable() and " " not in found):
        raise Unfit("printable ASCII text without blanks and line ends", "text with others")
    return found


def address(value: object) -> str | None:
    """Return a controller's address, or None for null."""
    found = word(value)
    if found is not None and found.lower().startswith(("http://", "https://", "grpc://", "grpcs://")):
        raise Unfit("HOST:PORT", "a URL")
    return found


def literal(expected: str) -> Callable[[object], str]:
    """Return a check for a text that can have one value only."""

    def check(value: object) -> str:
        if value != expected:
            raise Unfit(f"'{expected}'", f"'{value}'" if isinstance(value, str) else "")
        return expected

    return check


def boolean(value: object) -> bool:
    """Return a truth value, also from a word or from 0 and 1."""
    if isinstance(value, str):
        if value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
    elif isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise Unfit("true or false")


def duration(least: float, *, whole: bool = False) -> Callable[[object], float]:
    """Return a check for a number of seconds.

    Args:
        least: The smallest one.
        whole: Whether only whole numbers are allowed.
    """
    kind = "a whole number" if whole else "a number"
    needed = f"{kind} of seconds from {least:g} to {LONGEST_S}"

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise Unfit(needed)
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise Unfit(needed) from None
        if math.isnan(number) or not least <= number <= LONGEST_S or (whole and not number.is_integer()):
            raise Unfit(needed, f"{number:g}")
        return number

    return check


def patterns(value: object) -> tuple[str, ...]:
    """Return patterns from a list of texts, or from one text with commas, at which it is cut and blanks are kept."""
    if isinstance(value, str):
        return tuple(value.split(","))
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unfit("a list of texts, or one text with commas", "a list with other things" * isinstance(value, list))
    return tuple(value)


def options(value: object) -> Mapping[str, str | int]:
    """Return channel options: texts and whole numbers by name; null means none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unfit("a mapping of texts and whole numbers")
    return {_option_name(name): _option(name, item) for name, item in value.items()}


def _option_name(name: object) -> str:
    if not isinstance(name, str):
        raise Unfit("a mapping with names that are text", f"one with {name!r}")
    return name


def _option(name: object, value: object) -> str | int:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise Unfit("a mapping of texts and whole numbers", f"one with {type_name(value)} for '{name}'")


def type_name(value: object) -> str:
    """Return the kind of a value in words; the value itself may be a secret in the wrong place."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "this text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
    return f"a {type(value).__name__}"
