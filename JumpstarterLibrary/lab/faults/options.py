"""The options of faults: their kinds, and how they are read from what Python, YAML and Robot give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
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
        InvalidValue: It is none, or negative.
    """
    return read_duration(value)


def count(value: object) -> int:
    """Return a whole number from 1 on.

    Raises:
        InvalidValue: It is none.
    """
    return _whole(value, "a whole number from 1 on")


def size(value: object) -> int:
    """Return a number of bytes from 1 on; text may have a unit, such as ``5 MiB``.

    Raises:
        InvalidValue: It is none.
    """
    needed = "a number of bytes such as 4096 or '5 MiB'"
    if not isinstance(value, str):
        return _whole(value, needed)
    found = _SIZE.fullmatch(value)
    factor = _SIZES.get(found[2].lower()) if found is not None else None
    if found is not None and factor is not None:
        # Python refuses to read some thousand digits. InvalidValue is a ValueError, too: the text is shown as given.
        with suppress(ValueError):
            return _whole(int(found[1]) * factor, needed)
    raise InvalidValue(needed, shown(value))


def share(value: object) -> float:
    """Return a share from above 0 to 1; text may be a percentage, such as ``1%``.

    Raises:
        InvalidValue: It is none.
    """
    needed = "a share such as 0.01 or '1%'"
    percent = isinstance(value, str) and value.strip().endswith("%")
    number = _number(value.strip().removesuffix("%") if isinstance(value, str) else value, needed)
    found = number / (100 if percent else 1)
    if not 0 < found <= 1:
        raise InvalidValue(needed, shown(value))
    return found


def text(value: object) -> str:
    """Return a text, as it is.

    Raises:
        InvalidValue: It is none.
    """
    if not isinstance(value, str):
        raise InvalidValue("a text", shown(value))
    return value


def names(value: object) -> str:
    """Return names, separated by commas.

    Raises:
        InvalidValue: They are none.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise InvalidValue("one name, or several separated by commas", shown(value))
    return ",".join(value)


def _whole(value: object, needed: str) -> int:
    number = _number(value, needed)
    if not number.is_integer() or number < 1:
        raise InvalidValue(needed, shown(value))
    return int(number)


def _number(value: object, needed: str) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return float(value)
    raise InvalidValue(needed, shown(value))


@dataclass(frozen=True)
class Option:
    """One option of a fault.

    Attributes:
        name: Its name.
        kind: Reads its value; raises InvalidValue.
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
            return self._choice(value) if self.choices else self.kind(value)
        except InvalidValue as error:
            raise ConfigurationError(f"The option {self.name!r} of the fault {whose!r} {error}.") from None

    def _choice(self, value: object) -> str:
        wanted = value.lower().replace("_", "-") if isinstance(value, str) else None
        for choice in self.choices:
            if choice.lower().replace("_", "-") == wanted:
                return choice
        raise InvalidValue(f"one of {', '.join(self.choices)}", shown(value))


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
