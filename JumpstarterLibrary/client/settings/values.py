"""Read single settings, as leniently as upstream's client: ``"yes"`` is true, and ``"10"`` is a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidValue, check_port, shown, type_name

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})


def text(value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise InvalidValue("text", type_name(value))
    return value


def text_or_nothing(value: object) -> str | None:
    """Return a text, or None for null."""
    return None if value is None else text(value)


def word(value: object) -> str | None:
    """Return a text that can travel as metadata of a call, or None for null. It may be a secret."""
    found = text_or_nothing(value)
    if found is not None and not (found.isascii() and found.isprintable() and " " not in found):
        raise InvalidValue("printable ASCII text without blanks and line ends", "text with others")
    return found


def address(value: object) -> str | None:
    """Return a controller's address, or None for null."""
    found = word(value)
    if found is not None and found.lower().startswith(("http://", "https://", "grpc://", "grpcs://")):
        raise InvalidValue("HOST:PORT", "a URL")
    check_port(found or "")
    return found


def literal(expected: str) -> Callable[[object], str]:
    """Return a check for a text that can have one value only."""

    def check(value: object) -> str:
        if value != expected:
            raise InvalidValue(f"'{expected}'", shown(value) if isinstance(value, str) else type_name(value))
        return expected

    return check


def boolean(value: object) -> bool:
    """Return a truth value, also from a word or from 0 and 1."""
    if isinstance(value, str):
        if value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
    elif isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise InvalidValue("true or false", type_name(value))


def duration(least: float, *, whole: bool = False) -> Callable[[object], float]:
    """Return a check for a length of time, in seconds.

    Args:
        least: The shortest one.
        whole: Whether only whole seconds are allowed. Default: no.
    """
    return lambda value: read_duration(value, least=least, whole=whole)


def patterns(value: object) -> tuple[str, ...]:
    """Return patterns from a list of texts, or from one text with commas, at which it is cut and blanks are kept."""
    if isinstance(value, str):
        return tuple(value.split(","))
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        found = "a list with other things" if isinstance(value, list) else type_name(value)
        raise InvalidValue("a list of texts, or one text with commas", found)
    return tuple(value)


def options(value: object) -> Mapping[str, str | int]:
    """Return channel options: texts and whole numbers by name; null means none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidValue("a mapping of texts and whole numbers", type_name(value))
    return {_option_name(name): _option(name, item) for name, item in value.items()}


def _option_name(name: object) -> str:
    if not isinstance(name, str):
        raise InvalidValue("a mapping with names that are text", f"one with {shown(name)}")
    return name


def _option(name: object, value: object) -> str | int:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise InvalidValue("a mapping of texts and whole numbers", f"one with {type_name(value)} for {shown(name)}")
