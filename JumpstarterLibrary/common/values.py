"""Check single values of files, settings and arguments, and say where one is wrong."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.printable import printable

SHOWN = 40
"""Characters of a refused value that are shown."""

REASON = 200
"""Characters of another library's error that are shown."""

PLACE = 120
"""Characters of a place, or of a name in Python, that an error shows."""

PROBLEM = 800
"""Characters of a problem that an error shows: less than a screen."""

LISTED = 20
"""Names that an error lists."""

PORT_LIMIT = 65535
"""The last port of TCP and UDP."""


class InvalidValue(ValueError):
    """A value that cannot be what it is given for; the text is ``must be …, not …``.

    Attributes:
        needed: What could be.
        found: What was found. Never the value itself where that may be a secret.
    """

    def __init__(self, needed: str, found: str) -> None:
        super().__init__(f"must be {needed}, not {found}")
        self.needed = needed
        self.found = found

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.needed, self.found), vars(self)


class InvalidSetting(ConfigurationError):
    """A setting of a file that cannot be used; the text is ``place: problem``.

    Attributes:
        place: The keys that lead to the setting, such as ``boards.a.rules[0].clients``; empty for the whole file.
        problem: What is wrong with the setting: a sentence.
    """

    def __init__(self, place: str, problem: str, hints: tuple[Hint, ...] = ()) -> None:
        self.place = place
        self.problem = one_line(problem, PROBLEM)
        super().__init__(f"{one_line(place, PLACE)}: {self.problem}" if place else self.problem)
        self.hints = hints


@contextmanager
def within(place: str) -> Iterator[None]:
    """Add a place to the errors of a block that reads a part of a file.

    Args:
        place: The keys that lead to the part.

    Raises:
        InvalidSetting: In place of the ``InvalidSetting``, ``InvalidValue`` or ``UsageError`` of the block.
    """
    try:
        yield
    except InvalidSetting as error:
        separator = "." if place and error.place and not error.place.startswith("[") else ""
        raise InvalidSetting(f"{place}{separator}{error.place}", error.problem, error.hints) from error
    except InvalidValue as error:
        raise InvalidSetting(place, f"it {error}.") from error
    except UsageError as error:
        raise InvalidSetting(place, f"{error.facts.rstrip('.')}.", error.hints) from error


def one_line(text: str, most: int = REASON) -> str:
    """Return a text on one line, cut short and without control characters: it may come from a file or a library."""
    words = " ".join(text.split())
    cleaned = printable(words[: most + 1])
    return cleaned if len(words) <= most else f"{cleaned[:most]}…"


def listed(items: Sequence[object], most: int = LISTED) -> str:
    """Return names with commas between them, and how many more there are.

    Args:
        items: The names.
        most: How many of them are told. Default: 20.
    """
    more = len(items) - most
    return ", ".join(map(str, items[:most])) + (f" and {more:,} more" if more > 0 else "")


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


def filled_text(value: object) -> str:
    """Return a text that is not empty.

    Raises:
        InvalidValue: It is none, or empty.
    """
    if not isinstance(value, str) or not value:
        raise InvalidValue("a text", "an empty one" if value == "" else type_name(value))
    return value


def filled_texts(value: object) -> tuple[str, ...]:
    """Return texts from a list of texts, or from one text.

    Raises:
        InvalidValue: One is none, or empty.
    """
    return tuple(filled_text(item) for item in (value if isinstance(value, list) and value else [value]))


def check_port(address: str) -> None:
    """Check that the port of ``HOST:PORT`` is not beyond the last one. An address without a port is fine.

    Raises:
        InvalidValue: It is.
    """
    port = address.rpartition(":")[2]
    if port.isdecimal() and (len(port) > SHOWN or int(port) > PORT_LIMIT):
        raise InvalidValue(f"HOST:PORT with a port up to {PORT_LIMIT}", f"one with port {one_line(port, SHOWN)}")


def shown(value: object, most: int = SHOWN) -> str:
    """Return a value that is no secret as an error shows it: short, and the kind in words of what has parts.

    Args:
        value: The value.
        most: Characters of a text that are shown. Default: 40.
    """
    match value:
        case bool():
            return type_name(value)
        case str():
            return repr(value if len(value) <= most else f"{value[:most]}…")
        case datetime.timedelta():
            return str(value)
        case int() | float():
            try:
                return f"{value:g}"
            except OverflowError:
                return "a number that is too large"
    return type_name(value)
