"""The options of faults: their kinds, and how they are read from what Python, YAML and Robot give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidValue, shown
from JumpstarterLibrary.errors import ConfigurationError

_SIZES = {"": 1, "b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3, "kb": 1000, "mb": 1000**2, "gb": 1000**3}
_SIZE = re.compile(r"\s*([0-9]+)\s*([a-z]*)\s*", re.IGNORECASE)


def seconds(value: object) -> float:
    """Return a length of time in seconds, as ``read_duration`` takes it.

    Raises:
        ValueError: It is none, or negative.
    """
    return read_duration(value)


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
        except InvalidValue as error:
            raise ConfigurationError(f"The option {self.name!r} of the fault {whose!r} {error}.") from None
        except (ValueError, OverflowError):
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
        return ConfigurationError(f"The option {self.name!r} of the fault {whose!r} is {needed}, not {shown(value)}.")


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
                f"The fault {whose!r} takes no option {shown(spelt)}. It takes: {', '.join(sorted(known))}."
            )
        if value is not None:
            found[name] = known[name].read(value, whose)
    return found
