"""Convert arguments to the types that keywords and the library import name."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable
from typing import Any, TypeVar

from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidValue, shown
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.keywords.expected_status import ExpectedStatus, convert_status
from JumpstarterLibrary.keywords.result_types import document_results

Choice = TypeVar("Choice", bound=enum.Enum)


class Duration:
    """Stands for a length of time in the types of arguments that Robot Framework sees.

    Where it sees ``timedelta`` or a union, it tries conversions of its own after ours, and tells nothing of why ours
    has failed.
    """


def argument_type(hint: Any) -> Any:
    """Return the type of an argument for Robot Framework: `Duration` for a timedelta that may be left out or not."""
    return Duration if hint in (datetime.timedelta, datetime.timedelta | None) else hint


def shown_default(argument: Any) -> Any:
    """Return an argument of a keyword's specification with its default, a length of time being a text."""
    if isinstance(argument, tuple) and isinstance(argument[-1], datetime.timedelta):
        return argument[0], format_duration(argument[-1].total_seconds())
    return argument


def convert_duration(value: str | int | float | datetime.timedelta) -> datetime.timedelta:
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
        value = value.total_seconds() if isinstance(value, datetime.timedelta) else value
        negative = value < 0
        seconds = read_duration(abs(value))
    return datetime.timedelta(seconds=-seconds if negative else seconds)


CONVERTERS: dict[type, Callable[..., object]] = {
    Duration: convert_duration,
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
