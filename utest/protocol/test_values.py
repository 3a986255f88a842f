"""Values on the wire: what travels, how it arrives, and what is refused before it is sent."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import ipaddress
import math
import re
import uuid
from collections import OrderedDict, deque
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import pytest

from JumpstarterLibrary.protocol import ValueEncodingError, decode, encode
from JumpstarterLibrary.protocol.values import EXACT_INTEGER_LIMIT, NESTING_LIMIT
from JumpstarterLibrary.protocol.wellknown import ListValue, Struct, Value


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Mixed(int, enum.Enum):
    FIVE = 5


class Word(enum.StrEnum):
    YES = "yes"


@dataclasses.dataclass
class Reading:
    voltage: float
    unit: Color = Color.RED


class Model:
    """Looks like a pydantic model."""

    def model_dump(self, mode: str) -> dict[str, object]:
        return {"mode": mode, "at": None}


def through_the_wire(value: object) -> Any:
    return decode(Value.FromString(encode(value).SerializeToString()))


def _identifier(value: object) -> str:
    """Return a test's name for a value: the same in each process, and in ASCII."""
    return ascii(re.sub(r" at 0x[0-9a-f]+", "", str(value))[:40])[1:-1]


@pytest.mark.parametrize(
    ("sent", "kind", "received"),
    [
        (None, "null_value", None),
        (True, "bool_value", True),
        (False, "bool_value", False),
        (5, "number_value", 5),
        (5.0, "number_value", 5),
        (-0.5, "number_value", -0.5),
        (0, "number_value", 0),
        (EXACT_INTEGER_LIMIT, "number_value", EXACT_INTEGER_LIMIT),
        (-EXACT_INTEGER_LIMIT, "number_value", -EXACT_INTEGER_LIMIT),
        (1e300, "number_value", 1e300),
        ("", "string_value", ""),
        ("grün \0 😀", "string_value", "grün \0 😀"),
        (b"text", "string_value", "text"),
        (bytearray("grün", "utf-8"), "string_value", "grün"),
        (memoryview(b"view"), "string_value", "view"),
        ([], "list_value", []),
        ([1, [None, "x"]], "list_value", [1, [None, "x"]]),
        ((1, 2), "list_value", [1, 2]),
        (range(3), "list_value", [0, 1, 2]),
        (deque([1]), "list_value", [1]),
        ({7}, "list_value", [7]),
        (frozenset({"f"}), "list_value", ["f"]),
        ({"k": 1}.keys(), "list_value", ["k"]),
        ((number for number in (1, 2)), "list_value", [1, 2]),
        ({}, "struct_value", {}),
        ({"a": {"b": [True]}}, "struct_value", {"a": {"b": [True]}}),
        (OrderedDict(a=1), "struct_value", {"a": 1}),
        (MappingProxyType({"a": 1}), "struct_value", {"a": 1}),
        ({1: "one", 1.5: "x"}, "struct_value", {"1": "one", "1.5": "x"}),
        ({(1, "b"): 0}, "struct_value", {"1,b": 0}),
        ({True: 0, None: 1}, "struct_value", {"true": 0, "None": 1}),
        ({Color.RED: 1, Level.HIGH: 2, Mixed.FIVE: 3}, "struct_value", {"red": 1, "3": 2, "5": 3}),
        (Reading(1.5), "struct_value", {"voltage": 1.5, "unit": "red"}),
        (Model(), "struct_value", {"mode": "json", "at": None}),
        (Color.RED, "string_value", "red"),
        (Level.HIGH, "number_value", 3),
        (Mixed.FIVE, "number_value", 5),
        (Word.YES, "string_value", "yes"),
        (uuid.UUID(int=1), "string_value", "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("/dev/ttyS0"), "string_value", "/dev/ttyS0"),
        (ipaddress.ip_address("10.0.0.2"), "string_value", "10.0.0.2"),
        (ipaddress.ip_address("::1"), "string_value", "::1"),
        (datetime.datetime(2024, 1, 1), "string_value", "2024-01-01T00:00:00"),
        (datetime.date(2024, 1, 1), "string_value", "2024-01-01"),
        (datetime.time(1, 2, 3), "string_value", "01:02:03"),
        (datetime.timedelta(seconds=90), "string_value", "PT1M30S"),
        (datetime.timedelta(0), "string_value", "PT0S"),
        (datetime.timedelta(days=2), "string_value", "P2D"),
        (datetime.timedelta(days=1, hours=1, milliseconds=500), "string_value", "P1DT1H0.5S"),
        (datetime.timedelta(seconds=-1), "string_value", "-PT1S"),
        (datetime.timedelta(hours=10, seconds=10), "string_value", "PT10H10S"),
    ],
    ids=_identifier,
)
def test_what_travels_and_how_it_arrives(sent: object, kind: str, received: object) -> None:
    # Encoded once: a generator is empty afterwards.
    value = Value.FromString(encode(sent).SerializeToString())
    found = decode(value)
    assert (value.WhichOneof("kind"), found, type(found)) == (kind, received, type(received))


def test_whole_numbers_arrive_as_int_and_all_others_as_float() -> None:
    assert [type(through_the_wire(number)) for number in (8080.0, 2.5, -3, 2.0**54)] == [int, float, int, float]


def test_a_value_without_kind_is_none() -> None:
    assert decode(Value()) is None


def test_numbers_that_are_not_finite_arrive_as_they_are() -> None:
    assert decode(Value(number_value=math.inf)) == math.inf
    assert math.isnan(decode(Value(number_value=math.nan)))


def test_as_many_levels_as_protobuf_can_parse() -> None:
    lists: Any = "x"
    mappings: Any = "x"
    for _ in range(NESTING_LIMIT):
        lists, mappings = [lists], {"k": mappings}
    assert (through_the_wire(lists), through_the_wire(mappings)) == (lists, mappings)


class Opaque:
    """Nothing that the wire knows."""


def _cycle() -> list[Any]:
    cycle: list[Any] = []
    cycle.append(cycle)
    return cycle


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (EXACT_INTEGER_LIMIT + 1, "9007199254740993 is beyond 2**53 and would be rounded; send it as text"),
        (-(10**400), "a whole number is beyond 2**53 and would be rounded; send it as text"),
        (math.nan, "nan is not a finite number; send None or text"),
        ([1, math.inf], "inf is not a finite number (at [1]); send None or text"),
        (
            b"\xff\xfe",
            "2 bytes are not UTF-8 text, and the protocol has no binary value; send base64 or hexadecimal text, or use "
            "a resource",
        ),
        (
            {"a": [b"\x80"]},
            "1 bytes are not UTF-8 text, and the protocol has no binary value (at ['a'][0]); send base64 or "
            "hexadecimal text, or use a resource",
        ),
        ("\ud800", r"'\ud800' holds a lone surrogate, which is not text; send valid Unicode"),
        (
            {"\udcff": 1},
            r"'\udcff' holds a lone surrogate, which is not text; send valid Unicode",
        ),
        (Opaque(), "a value of type Opaque cannot travel; send text, numbers, lists or mappings"),
        (Opaque, "a value of type type cannot travel; send text, numbers, lists or mappings"),
        (Reading, "a value of type type cannot travel; send text, numbers, lists or mappings"),
        (Model, "a value of type type cannot travel; send text, numbers, lists or mappings"),
        ({"k": 1j}, "a value of type complex cannot travel (at ['k']); send text, numbers, lists or mappings"),
        ({b"k": 1}, "a mapping key of type bytes cannot travel; use text keys"),
        ([{Opaque: 1}], "a mapping key of type type cannot travel (at [0]); use text keys"),
        ({1: "a", "1": "b"}, "two keys of a mapping would both become '1'; use text keys"),
        (
            _cycle(),
            f"lists and mappings inside each other, more than {NESTING_LIMIT} levels deep, cannot travel (at "
            f"{'[0]' * (NESTING_LIMIT + 1)}); send fewer levels, or JSON text",
        ),
    ],
    ids=_identifier,
)
def test_what_cannot_travel_unharmed_is_refused(value: object, sentence: str) -> None:
    with pytest.raises(ValueEncodingError) as caught:
        encode(value)
    assert str(caught.value) == sentence


def test_an_object_that_has_any_attribute_is_no_model() -> None:
    class Anything:
        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return lambda **_: {"never": "called"}

    with pytest.raises(ValueEncodingError, match=r"^a value of type Anything cannot travel; "):
        encode(Anything())


def test_mappings_and_lists_are_the_wellknown_types() -> None:
    assert encode({"a": [1]}) == Value(
        struct_value=Struct(fields={"a": Value(list_value=ListValue(values=[Value(number_value=1)]))})
    )


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (2**60, float(2**60)),
        (10**400, None),
        ([1, float("nan")], [1, None]),
    ],
)
def test_exporters_send_what_they_can_of_a_number(value: object, arrives: object) -> None:
    assert decode(encode(value, exact=False)) == arrives
