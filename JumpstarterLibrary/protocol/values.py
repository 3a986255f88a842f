"""Python values to ``google.protobuf.Value`` and back.

The wire knows null, bool, double, string, list and struct, and nothing else: whole numbers arrive as doubles, so
``decode`` gives them back as ``int``. What cannot arrive unharmed is refused before it is sent.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import ipaddress
import math
import os
import uuid
from collections.abc import Generator, Mapping, Sequence, Set
from typing import Any

from JumpstarterLibrary.protocol.wellknown import ListValue, Struct, Value

EXACT_INTEGER_LIMIT = 2**53
"""Beyond this, a double no longer tells neighbouring whole numbers apart."""

NESTING_LIMIT = 32
"""Lists and mappings inside each other. Protobuf parses 100 messages inside each other; each mapping takes three."""


class ValueEncodingError(ValueError):
    """A Python value that cannot travel as a protocol value."""


def encode(value: object, *, exact: bool = True) -> Value:
    """Return the protocol value for a Python value.

    Strings, numbers, booleans, None, lists, tuples, sets, generators, mappings, dataclasses, enums (by their value),
    UUIDs, paths, IP addresses, datetimes and timedeltas (ISO 8601) can travel, and so can bytes that are UTF-8 text.

    Args:
        value: What is to travel.
        exact: Refuse numbers that would not arrive as they are. Otherwise whole numbers beyond 2**53 are rounded, and
            NaN and infinity become null, as in upstream's exporters: a result is not lost for one digit of it.

    Raises:
        ValueEncodingError: The value, or one inside it, cannot travel unharmed.
    """
    return _encode(value, "", 0, exact)


def _encode(value: object, where: str, depth: int, exact: bool) -> Value:
    if depth > NESTING_LIMIT:
        problem = f"lists and mappings inside each other, more than {NESTING_LIMIT} levels deep, cannot travel"
        raise _error(where, problem, "send fewer levels, or JSON text")
    match value:
        case None:
            return Value(null_value=0)  # type: ignore[arg-type]
        case bool():
            return Value(bool_value=value)
        case enum.Enum():
            return _encode(value.value, where, depth, exact)
        case str():
            return Value(string_value=_text(value, where))
        case int() | float():
            return _number(value, where, exact)
        case bytes() | bytearray() | memoryview():
            return Value(string_value=_bytes_text(bytes(value), where))
        case Mapping():
            return Value(struct_value=Struct(fields=_fields(value, where, depth, exact)))
        case Sequence() | Set() | Generator():
            items = [_encode(item, f"{where}[{index}]", depth + 1, exact) for index, item in enumerate(value)]
            return Value(list_value=ListValue(values=items))
    return _encode(_plain(value, where), where, depth, exact)


def _fields(value: Mapping[Any, object], where: str, depth: int, exact: bool) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for key, item in value.items():
        name = _key(key, where)
        if name in fields:
            raise _error(where, f"two keys of a mapping would both become {name!r}", "use text keys")
        fields[name] = _encode(item, f"{where}[{key!r}]", depth + 1, exact)
    return fields


def _plain(value: object, where: str) -> object:
    """Return the text or mapping by which a value of a richer type travels."""
    match value:
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return _iso_duration(value)
        case uuid.UUID() | ipaddress.IPv4Address() | ipaddress.IPv6Address():
            return str(value)
        case os.PathLike():
            return os.fspath(value)
    if not isinstance(value, type):
        if dataclasses.is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        # Pydantic models, without asking for pydantic. On the class: some objects have any attribute that is asked for.
        if callable(dump := getattr(type(value), "model_dump", None)):
            return dump(value, mode="json")
    problem = f"a value of type {type(value).__name__} cannot travel"
    raise _error(where, problem, "send text, numbers, lists or mappings")


def _number(value: float, where: str, exact: bool) -> Value:
    if exact:
        _check_number(value, where)
    try:
        number = float(value)
    except OverflowError:  # a whole number of over 300 digits
        number = math.inf
    return Value(number_value=number) if math.isfinite(number) else Value(null_value=0)  # type: ignore[arg-type]


def _check_number(value: float, where: str) -> None:
    if isinstance(value, int) and abs(value) > EXACT_INTEGER_LIMIT:
        shown = str(value) if value.bit_length() < 256 else "a whole number"
        raise _error(where, f"{shown} is beyond 2**53 and would be rounded", "send it as text")
    if not math.isfinite(value):
        raise _error(where, f"{value} is not a finite number", "send None or text")


def decode(value: Value) -> Any:
    """Return the Python value of a protocol value; whole numbers as ``int``, a value without kind as None."""
    kind = value.WhichOneof("kind")
    match kind:
        case "number_value":
            return _decoded_number(value.number_value)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [decode(item) for item in value.list_value.values]
        case "struct_value":
            return {key: decode(item) for key, item in value.struct_value.fields.items()}
    return None


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _error(where, f"{value[:40]!r} holds a lone surrogate, which is not text", "send valid Unicode") from None
    return value


def _bytes_text(value: bytes, where: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        hint = "send base64 or hexadecimal text, or use a resource"
        raise _error(
            where, f"{len(value)} bytes are not UTF-8 text, and the protocol has no binary value", hint
        ) from None


def _key(key: object, where: str) -> str:
    match key:
        case enum.Enum():
            return _key(key.value, where)
        case str():
            return _text(key, where)
        case bool() | None:
            return str(key).lower() if key is not None else "None"
        case int() | float():
            return str(key)
        case tuple():
            return ",".join(_key(part, where) for part in key)
    raise _error(where, f"a mapping key of type {type(key).__name__} cannot travel", "use text keys")


def _iso_duration(value: datetime.timedelta) -> str:
    sign = "-" if value < datetime.timedelta(0) else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f"{seconds}.{value.microseconds:06d}".rstrip("0") if value.microseconds else str(seconds)
    days = f"{value.days}D" if value.days else ""
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    time += f"{fraction}S" if fraction != "0" else ""
    if not days and not time:
        return "PT0S"
    return f"{sign}P{days}" + (f"T{time}" if time else "")


def _error(where: str, problem: str, hint: str) -> ValueEncodingError:
    place = f" (at {where})" if where else ""
    return ValueEncodingError(f"{problem}{place}; {hint}")


def _decoded_number(number: float) -> float:
    # A negative zero is no whole number: it would lose its sign.
    whole = number.is_integer() and abs(number) <= EXACT_INTEGER_LIMIT and (number or math.copysign(1, number) > 0)
    return int(number) if whole else number
