"""The options of faults: their kinds, and how they are read from what Python, YAML and Robot give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from JumpstarterLibrary.errors import ConfigurationError

_UNITS = {
    1e-3: ("ms", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3600.0: ("h", "hour", "hours"),
    86400.0: ("d", "day", "days"),
}
_FACTOR = {unit: factor for factor, units in _UNITS.items() for unit in units}
_PART = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", re.IGNORECASE)

_SIZES = {"": 1, "b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3, "kb": 1000, "mb": 1000**2, "gb": 1000**3}
_SIZE = re.compile(r"\s*([0-9]+)\s*([a-z]*)\s*", re.IGNORECASE)


def seconds(value: object) -> float:
    """Return a time in seconds: a number, a ``timedelta``, or text such as ``2``, ``150 ms`` or ``1 min 30 s``.

    Raises:
        ValueError: It is none, or negative.
    """
    match value:
        case timedelta():
            found = value.total_seconds()
        case bool():
            raise ValueError
        case int() | float():
            found = float(value)
        case str():
            found = _spoken_seconds(value)
        case _:
            raise ValueError
    if not 0 <= found < float("inf"):
        raise ValueError
    return found


def _spoken_seconds(text: str) -> float:
    total, position = 0.0, 0
    while position < len(text) or not position:
        part = _PART.match(text, position)
        factor = _FACTOR.get(part[2].lower() or "s") if part is not None else None
        if part is None or factor is None:
            raise ValueError
        total += float(part[1]) * factor
        position = part.end()
    return total


def count(value: object) -> int:
    """Return a whole number from 1 on.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    number = float(value)
    if number != int(number) or number < 1:
        raise ValueError
    return int(number)


def size(value: object) -> int:
    """Return a number of bytes from 1 on; text may have a unit, such as ``5 MiB``.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, str):
        return count(value)
    found = _SIZE.fullmatch(value)
    factor = _SIZES.get(found[2].lower()) if found is not None else None
    if found is None or factor is None:
        raise ValueError
    return count(int(found[1]) * factor)


def share(value: object) -> float:
    """Return a share from above 0 to 1; text may be a percentage, such as ``1%``.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    percent = isinstance(value, str) and value.strip().endswith("%")
    number = float(str(value).strip().removesuffix("%")) / (100 if percent else 1)
    if not 0 < number <= 1:
        raise ValueError
    return number


def text(value: object) -> str:
    """Return a text, as it is.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, str):
        raise ValueError
    return value


def names(value: object) -> str:
    """Return names, separated by commas.

    Raises:
        ValueError: They are none.
    """
    if isinstance(value, list | tuple):
        return ",".join(map(text, value))
    return text(value)


_NEEDED: dict[Callable[[object], Any], str] = {
    seconds: "a time such as 2 or '500 ms'",
    count: "a whole number from 1 on",
    size: "a number of bytes such as 4096 or '5 MiB'",
    share: "a share such as 0.01 or '1%'",
    text: "a text",
    names: "one name, or several separated by commas",
}


@dataclass(frozen=True)
class Option:
    """One option of a fault.

    Attributes:
        name: Its name.
        kind: Reads its value; raises ValueError.
        text: What it is, in a few words.
        default: Its value unless one is given, read already.
        choices: The values that there are; empty for all that ``kind`` reads.
    """

    name: str
    kind: Callable[[object], Any]
    text: str
    default: Any = None
    choices: Sequence[str] = ()

    @property
    def about(self) -> str:
        """What it is, with the values that there are."""
        return f"{self.text} ({', '.join(self.choices)})" if self.choices else self.text

    def read(self, value: object, whose: str) -> Any:
        """Return a value as the fault needs it.

        Args:
            value: As given.
            whose: The fault, for the error.

        Raises:
            ConfigurationError: It is no value for this option.
        """
        try:
            found = self.kind(value)
        except ValueError:
            raise self._error(value, whose) from None
        return self._choice(found, whose) if self.choices else found

    def _choice(self, value: str, whose: str) -> str:
        wanted = value.lower().replace("_", "-")
        for choice in self.choices:
            if choice.lower().replace("_", "-") == wanted:
                return choice
        raise self._error(value, whose)

    def _error(self, value: object, whose: str) -> ConfigurationError:
        needed = f"one of {', '.join(self.choices)}" if self.choices else _NEEDED[self.kind]
        return ConfigurationError(f"The option {self.name!r} of the fault {whose!r} is {needed}, not {value!r}.")


def read_options(options: Sequence[Option], given: Mapping[str, object], whose: str) -> dict[str, Any]:
    """Return all options of a fault, with their defaults.

    Args:
        options: What the fault takes.
        given: What was given, by name; ``for_`` stands for ``for``, and ``_`` for ``-``. None counts as not given.
        whose: The fault, for errors.

    Raises:
        ConfigurationError: There is no such option, or it has no such value.
    """
    known = {option.name: option for option in options}
    found = {option.name: option.default for option in options}
    for spelt, value in given.items():
        name = spelt.rstrip("_").replace("-", "_").lower()
        if name not in known:
            raise ConfigurationError(
                f"The fault {whose!r} takes no option {spelt!r}. It takes: {', '.join(sorted(known))}."
            )
        if value is not None:
            found[name] = known[name].read(value, whose)
    return found
