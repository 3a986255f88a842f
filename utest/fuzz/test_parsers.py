"""Any text or value that a parser is given is taken or refused in one sentence, and comes back as it was."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from JumpstarterLibrary.client.selectors import Selector, parse_selector
from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidValue
from JumpstarterLibrary.common.yaml_files import parse_yaml
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.lab.selector import SelectorError, parse_for_lease
from JumpstarterLibrary.printable import printable
from JumpstarterLibrary.protocol.values import ValueEncodingError, decode, encode
from JumpstarterLibrary.protocol.wellknown import ListValue, Struct, Value

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(SCALARS, inner), max_leaves=30)

TEXTS = st.text()
WIRE_VALUES = st.recursive(
    st.just(Value())
    | st.builds(lambda number: Value(number_value=number), st.floats())
    | st.builds(lambda text: Value(string_value=text), TEXTS.filter(lambda text: text.isascii() or not _halves(text)))
    | st.builds(lambda flag: Value(bool_value=flag), st.booleans()),
    lambda inner: (
        st.builds(lambda items: Value(list_value=ListValue(values=items)), st.lists(inner, max_size=5))
        | st.builds(
            lambda fields: Value(struct_value=Struct(fields=fields)),
            st.dictionaries(st.text(max_size=5).filter(lambda text: not _halves(text)), inner, max_size=5),
        )
    ),
    max_leaves=20,
)


def _halves(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _check_sentence(text: str, longest: int = 1500) -> None:
    assert text
    assert "\n" not in text
    assert len(text) <= longest
    assert printable(text) == text


@given(VALUES)
@example(-0.0)
def test_what_travels_comes_back(value: Any) -> None:
    try:
        sent = encode(value)
    except ValueEncodingError:
        return
    again = encode(decode(Value.FromString(sent.SerializeToString())))
    assert again == sent


@given(WIRE_VALUES)
def test_any_value_of_the_wire_is_decoded(value: Any) -> None:
    found = decode(Value.FromString(value.SerializeToString()))
    with suppress(ValueEncodingError):
        assert encode(found, exact=False) is not None


PIECES = ["board", "rpi4", "=", "==", "!=", "!", "in", "notin", "(", ")", ",", " ", "a/b", "x.y/z", "-", "|", "<", "\t"]
SELECTORS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14).map("".join)
LABELS = st.dictionaries(
    st.sampled_from(["board", "rpi4", "in", "notin", "a/b", "x"]), st.sampled_from(["", "rpi4", "board", "in"])
)


@given(SELECTORS, LABELS)
@example("board in ()", {})
@example("in in (in)", {"in": "in"})
@example("/\n", {})
def test_client_and_lab_read_a_selector_alike(text: str, labels: dict[str, str]) -> None:
    try:
        ours = parse_selector(text)
    except ConfigurationError as error:
        _check_sentence(str(error))
        return
    again = parse_selector(str(ours))
    assert again.means(ours)
    assert again.matches(labels) is ours.matches(labels)
    try:
        theirs = parse_for_lease("" if ours == Selector() else text)
    except SelectorError as error:
        pytest.fail(f"The lab refuses what the client takes: {text!r}: {error}")
    assert theirs.matches(labels) is ours.matches(labels)


TIMES = st.lists(
    st.sampled_from(["1", "90", "0", ".", "5", "h", "m", "s", "ms", "µs", "d", " ", ":", "P", "T", "-", "e9", "inf"])
    | st.text(max_size=2),
    max_size=8,
).map("".join)


@given(st.one_of(TIMES, SCALARS, st.timedeltas(), st.lists(st.integers())))
@example("1:99:99.")
@example("9" * 400)
def test_a_time_is_bounded_or_refused(value: object) -> None:
    try:
        seconds = read_duration(value)
    except InvalidValue as error:
        _check_sentence(str(error), 300)
        return
    assert math.isfinite(seconds)
    assert 0 <= seconds <= 365 * 86400
    assert read_duration(seconds) == seconds


SECRET = "s3cr3t-t0ken-value"
MARKS = [
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        "- ",
        "\n",
        "\n  ",
        ",",
        "&a ",
        "*a",
        "<<: *a",
        "!!int ",
        "!!binary ",
        "'",
        '"',
        "|",
    ),
    *(
        ">",
        "#",
        "%",
        "@",
        "`",
        "?",
        "---",
        "...",
        "\t",
        "1e999",
        "2026-99-99",
        "\\ud800",
        "\x00",
        "\ufeff",
        "a",
        "1",
        "~",
    ),
    f"token: {SECRET}",
]
YAMLS = st.lists(st.sampled_from(MARKS) | st.text(max_size=2), max_size=25).map("".join)


@given(YAMLS)
def test_any_text_is_a_mapping_or_refused(text: str) -> None:
    said = ""
    try:
        assert isinstance(parse_yaml(text, "The text").content, dict)
    except ConfigurationError as error:
        said = str(error)
        _check_sentence(said)
    # A key may be told, which the secret is where it stands before a colon.
    assert SECRET not in said or re.search(rf"{SECRET}['\"]?\s*:", text)
