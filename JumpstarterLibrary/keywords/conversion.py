"""Convert arguments to the types that keywords and the library import name."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable
from typing import TypeVar

from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidValue, shown
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.keywords.expected_status import ExpectedStatus, convert_status
from JumpstarterLibrary.keywords.result_types import document_results

Choice = TypeVar("Choice", bound=enum.Enum)


def convert_duration(value: str | int | float) -> datetime.timedelta:
    """Convert a length of time: seconds, ``500 ms``, ``2 h``, ``1h30m``, ``10 secs``, ``1:30:00`` or ``PT1H30M``.

    A negative one is converted as well: the keyword says in its own words why it takes none.

    Raises:
        InvalidValue: It is no length of time, or longer than a year.
    """
    if isinstance(value, str):
        text = value.strip()
        negative = text.startswith("-")
        seconds = read_duration(text.removeprefix("-") if negative else text)
    else:
        negative = value < 0
        seconds = read_duration(abs(value))
    return datetime.timedelta(seconds=-seconds if negative else seconds)


CONVERTERS: dict[type, Callable[..., object]] = {
    datetime.timedelta: convert_duration,
    ExpectedStatus: convert_status,
    **document_results(),
}
"""For ``ROBOT_LIBRARY_CONVERTERS``: a time is the same in arguments of keywords as in files and settings. The types of
results are there for their documentation."""

# Robot Framework 7 ends the whole run with a traceback where it cannot convert an argument of an import itself.


def import_duration(value: datetime.timedelta | str | float, name: str) -> datetime.timedelta:
    """Convert a length of time that the library import gives.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        return datetime.timedelta(seconds=read_duration(value))
    except InvalidValue as error:
        raise ConfigurationError(f"The argument '{name}' {error}.") from None


def import_choice(kind: type[Choice], value: Choice | str, name: str) -> Choice:
    """Convert a choice that the library import gives; upper case and ``_``, ``-`` or a space make no difference.

    Raises:
        ConfigurationError: There is no such choice.
    """
    if isinstance(value, kind):
        return value
    spelt = str(value).lower().translate({ord(character): None for character in " _-"})
    for choice in kind:
        if choice.name.lower().replace("_", "") == spelt:
            return choice
    choices = ", ".join(choice.name for choice in kind)
    raise ConfigurationError(f"The argument '{name}' must be one of {choices}, not {shown(value)}.")
