"""Call keywords for a caller that has plain data only, as Robot Framework's Remote protocol does.

Robot Framework converts arguments where a library is imported, and captures what it logs; a Remote server does neither,
and sends only texts, numbers, lists and dictionaries.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args

from robot.api import TypeInfo

from JumpstarterLibrary.client.deadline import limited_search
from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.keywords.conversion import CONVERTERS
from JumpstarterLibrary.keywords.secret import Secret
from JumpstarterLibrary.reporting.html import is_table

LARGEST = 2**31 - 1
"""The largest whole number that XML-RPC carries; larger ones are sent as floating-point numbers."""

LOGGERS = ("JumpstarterLibrary", "RobotFramework")
"""Loggers of this library, and of ``robot.api.logger`` where Robot Framework does not run."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LEVEL = re.compile(r"^\*(?=[A-Z])", re.MULTILINE)


def plain_specification(specification: Iterable[str | tuple[str, object]]) -> list[str]:
    """Return the arguments of a keyword as texts, ``name`` or ``name=default``."""
    return [each if isinstance(each, str) else f"{each[0]}={_shown_default(each[1])}" for each in specification]


def _shown_default(value: object) -> str:
    return value.name if isinstance(value, enum.Enum) else str(value)


def call_plainly(
    name: str,
    keyword: Callable[..., object],
    types: Mapping[str, Any],
    args: Iterable[object],
    kwargs: Mapping[str, object],
) -> object:
    """Call a keyword with plain arguments, log on standard output as Remote servers expect it, and return plain data.

    Args:
        name: The keyword's name, for messages.
        keyword: The keyword.
        types: The types of its arguments.
        args: The arguments without names.
        kwargs: The named arguments.

    Raises:
        UsageError: The keyword does not take such arguments.
        ValueError: One cannot be converted.
    """
    signature = inspect.signature(keyword)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise UsageError(f"Keyword '{name}' cannot be called so: {error}. See its arguments.") from None
    for argument, value in bound.arguments.items():
        convert = _converter(argument, types.get(argument), signature.parameters[argument].default is None)
        match signature.parameters[argument].kind:
            case inspect.Parameter.VAR_POSITIONAL:
                bound.arguments[argument] = tuple(map(convert, value))
            case inspect.Parameter.VAR_KEYWORD:
                bound.arguments[argument] = {key: convert(item) for key, item in value.items()}
            case _:
                bound.arguments[argument] = convert(value)
    with _logging_on_stdout(), limited_search(bound.arguments.get("timeout")):
        return plain(keyword(*bound.args, **bound.kwargs))


def _converter(argument: str, hint: Any, nothing: bool) -> Callable[[object], object]:
    if hint is None:
        return lambda value: value
    nothing = nothing and Secret not in get_args(hint)
    info = TypeInfo.from_type_hint(hint)

    def convert(value: object) -> object:
        if isinstance(value, bytes):
            # How the protocol carries texts with control characters.
            value = value.decode("latin-1")
        if value == "" and nothing:
            # How it carries None.
            return None
        return info.convert(value, argument, custom_converters=CONVERTERS)

    return convert


def plain(value: object) -> object:
    """Return what a keyword returns as plain data: records become dictionaries, and times numbers of seconds."""
    match value:
        case enum.Enum():
            return value.name
        case None | bool() | bytes() | float():
            return value
        case str():
            return _CONTROLS.sub(lambda found: f"\\x{ord(found.group()):02x}", value)
        case int():
            return value if -LARGEST <= value <= LARGEST else float(value)
        case datetime.timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        computed = inspect.getmembers_static(type(value), lambda member: isinstance(member, property))
        names = [*(field.name for field in dataclasses.fields(value)), *(name for name, _ in computed)]
        return {name: plain(getattr(value, name)) for name in names}
    return plain(str(value))


class _StdoutHandler(logging.Handler):
    """Writes records to standard output, in the form in which Robot Framework reads them."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        level = "HTML" if is_table(text) else {"WARNING": "WARN"}.get(record.levelname, record.levelname)
        # A line of a message must not be taken for another message.
        sys.stdout.write(f"*{level}* {_LEVEL.sub(' *', text)}\n")


@contextmanager
def _logging_on_stdout() -> Iterator[None]:
    handler, levels = _StdoutHandler(), {}
    for logger in map(logging.getLogger, LOGGERS):
        levels[logger] = logger.level
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
            logger.removeHandler(handler)
