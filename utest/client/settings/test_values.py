"""Single values: what fits, and what does not."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from JumpstarterLibrary.client.settings.values import (
    address,
    boolean,
    duration,
    literal,
    options,
    patterns,
    text,
    text_or_nothing,
    word,
)
from JumpstarterLibrary.common.values import InvalidValue, type_name

FITTING: list[tuple[Any, object, object]] = [
    (text, "a", "a"),
    (text_or_nothing, None, None),
    (word, "eyJ.x-y_z", "eyJ.x-y_z"),
    (word, None, None),
    (address, "lab:8082", "lab:8082"),
    (address, "dns:///lab:8082", "dns:///lab:8082"),
    (address, None, None),
    (literal("x"), "x", "x"),
    *((boolean, value, True) for value in (True, 1, 1.0, "1", "true", "TRUE", "t", "yes", "Y", "on")),
    *((boolean, value, False) for value in (False, 0, 0.0, "0", "false", "F", "no", "n", "OFF")),
    (duration(5), 5, 5.0),
    (duration(5), "10.5", 10.5),
    (duration(5), "2 h", 7200.0),
    (duration(5), "PT1M", 60.0),
    (duration(5, whole=True), 10.0, 10.0),
    (duration(5, whole=True), " 10 ", 10.0),
    (duration(0), 0, 0.0),
    (duration(0), 31536000, 31536000.0),
    (patterns, "a,b", ("a", "b")),
    (patterns, "a, b", ("a", " b")),
    (patterns, "", ("",)),
    (patterns, ["a", "b,c"], ("a", "b,c")),
    (patterns, [], ()),
    (options, None, {}),
    (options, {"a": 1, "b": "c", "d": True, "e": 2.0}, {"a": 1, "b": "c", "d": 1, "e": 2}),
]


@pytest.mark.parametrize(("convert", "value", "result"), FITTING)
def test_what_fits(convert: Any, value: object, result: object) -> None:
    found = convert(value)
    assert found == result
    assert type(found) is type(result)


SECONDS = "a length of time from 5 seconds to 365 days, such as 90 (seconds), '1h30m' or 'PT1H30M'"
WORD = "printable ASCII text without blanks and line ends"
OPTIONS = "a mapping of texts and whole numbers"

INVALID: list[tuple[Any, object, str, str]] = [
    (text, None, "text", "nothing"),
    (text, b"a", "text", "a bytes"),
    (text_or_nothing, 1, "text", "a number"),
    (word, "a b", WORD, "text with others"),
    (word, "a\n", WORD, "text with others"),
    (word, "ä", WORD, "text with others"),
    (address, "HTTPS://lab", "HOST:PORT", "a URL"),
    (address, "grpc://lab", "HOST:PORT", "a URL"),
    (literal("x"), "y", "'x'", "'y'"),
    (literal("x"), None, "'x'", "nothing"),
    *((boolean, value, "true or false", type_name(value)) for value in (None, "", "maybe", " true ", 2, 0.5, [], {})),
    (duration(5), 4.99, SECONDS, "4.99"),
    (duration(5), float("nan"), SECONDS, "nan"),
    (duration(5), float("inf"), SECONDS, "inf"),
    (duration(5), "inf", SECONDS, "'inf'"),
    (duration(5), 31536001, SECONDS, "3.1536e+07"),
    (duration(5), 10**400, SECONDS, "a number that is too large"),
    (duration(5), "soon", SECONDS, "'soon'"),
    (duration(5), True, SECONDS, "true or false"),
    (duration(5), None, SECONDS, "nothing"),
    (duration(5, whole=True), 5.5, SECONDS.replace("time", "time in whole seconds"), "5.5"),
    (patterns, None, "a list of texts, or one text with commas", "nothing"),
    (patterns, [1], "a list of texts, or one text with commas", "a list with other things"),
    (options, [1], OPTIONS, "a list"),
    (options, {1: 2}, "a mapping with names that are text", "one with 1"),
    (options, {"k" * 100: []}, OPTIONS, f"one with a list for '{'k' * 40}…'"),
    (options, {("k" * 100,): 1}, "a mapping with names that are text", "one with a tuple"),
    (options, {"a": 1.5}, OPTIONS, "one with a number for 'a'"),
    (options, {"a": []}, OPTIONS, "one with a list for 'a'"),
    (options, {"a": float("inf")}, OPTIONS, "one with a number for 'a'"),
]


@pytest.mark.parametrize(("convert", "value", "needed", "found"), INVALID)
def test_what_does_not_fit(convert: Any, value: object, needed: str, found: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        convert(value)
    assert (caught.value.needed, caught.value.found) == (needed, found)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "nothing"),
        (True, "true or false"),
        (1, "a number"),
        (1.5, "a number"),
        ("hunter2", "this text"),
        ([], "a list"),
        ({}, "a mapping"),
        (datetime.date(2026, 1, 1), "a date"),
    ],
)
def test_kinds_in_words(value: object, name: str) -> None:
    assert type_name(value) == name
