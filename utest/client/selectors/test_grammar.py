"""Selectors as texts: what is understood, what is refused and with which words."""

from __future__ import annotations

import random

import pytest

from JumpstarterLibrary.client.selectors import (
    Operator,
    Requirement,
    Selector,
    parse_alternatives,
    parse_selector,
    parse_terms,
)
from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.lab.selector import SelectorError, parse_for_lease

RENDERED = [
    ("", "<none>"),
    ("  ", "<none>"),
    ("<none>", "<none>"),
    ("board=rpi4", "board=rpi4"),
    (" board = rpi4 , os = linux ", "board=rpi4,os=linux"),
    ("z=1,a=2,m", "a=2,m,z=1"),
    ("board", "board"),
    ("!board", "!board"),
    ("! board", "!board"),
    ("board=", "board="),
    ("board=,os= ", "board=,os="),
    ("board!=", "board notin ()"),
    ("board!=rpi4", "board notin (rpi4)"),
    ("board!=b,board!=a,board!=b", "board notin (a,b)"),
    ("board!=b,board notin (a)", "board notin (a),board notin (b)"),
    ("board in (b, a ,c)", "board in (a,b,c)"),
    ("board in(a)", "board in (a)"),
    ("board in ()", "board in ()"),
    ("board in (a,)", "board in (,a)"),
    ("board in (,)", "board in ()"),
    ("board notin (b,a,b)", "board notin (a,b)"),
    ("in in (in,notin)", "in in (in,notin)"),
    ("notin=in", "notin=in"),
    ("a=1,a=1", "a=1"),
    ("a in (1),a=1,a,!a", "a=1,a in (1),a,!a"),
    ("example.com/a=1", "example.com/a=1"),
    ("a-b.example.com/x_Y.z", "a-b.example.com/x_Y.z"),
    ("\tboard\n=\nrpi4\n", "board=rpi4"),
    ("x" * 63 + "=" + "y" * 63, "x" * 63 + "=" + "y" * 63),
]


@pytest.mark.parametrize(("text", "rendered"), RENDERED)
def test_a_selector_is_written_as_the_controller_writes_it(text: str, rendered: str) -> None:
    selector = parse_selector(text)
    assert str(selector) == rendered
    assert str(parse_selector(rendered)) == rendered
    if text != "<none>":
        assert parse_for_lease(text).rendered == rendered


def test_what_is_parsed() -> None:
    assert parse_selector("b!=2,a,c in (y,x),!d,e=5") == Selector(
        (
            Requirement("a", Operator.exists),
            Requirement("b", Operator.none_of, ("2",)),
            Requirement("c", Operator.any_of, ("x", "y")),
            Requirement("d", Operator.absent),
            Requirement("e", Operator.equals, ("5",)),
        )
    )


ALPHABET = "up to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"

REFUSED = [
    ("board==rpi4", 6, "leases take no '=='; write 'board=' with one '='"),
    ("os=linux,cores>4", 15, "leases cannot compare; name the values, 'cores in (4,8)'"),
    ("cores < 4", 7, "leases cannot compare; name the values, 'cores in (4,8)'"),
    ("board=a,board=b", 9, "'board' cannot have two values; write 'board in (a,b)' for either"),
    ("board=a,,os", 9, "a label's key is needed there, not ','"),
    ("board=a,", 9, "a label's key is needed there, not the end"),
    (",board", 1, "a label's key is needed there, not ','"),
    ("=a", 1, "a label's key is needed there, not '='"),
    ("!", 2, "a label's key is needed there, not the end"),
    ("!!a", 2, "a label's key is needed there, not '!'"),
    ("!a=b", 3, "',' or the end is needed there, not '='"),
    ("board=a os=b", 9, "',' or the end is needed there, not 'os'"),
    ("board=a and os=b", 9, "',' or the end is needed there, not 'and'"),
    ("board is rpi4", 7, "'=', '!=', 'in', 'notin' or ',' is needed there, not 'is'"),
    ("board !os", 7, "'=', '!=', 'in', 'notin' or ',' is needed there, not '!'"),
    ("board=(a)", 7, "',' or the end is needed there, not '('"),
    ("board in a,b", 10, "'(' before the values is needed there, not 'a'"),
    ("board in", 9, "'(' before the values is needed there, not the end"),
    ("board in (a", 12, "',' or ')' is needed there, not the end"),
    ("board in (a b)", 13, "',' or ')' is needed there, not 'b'"),
    ("board in ((a))", 11, "',' or ')' is needed there, not '('"),
    ("board='rpi4'", 7, f"''rpi4'' is no label's value; it has {ALPHABET}"),
    ("board=rpi*", 7, f"'rpi*' is no label's value; it has {ALPHABET}"),
    ("board in (a,-b)", 13, f"'-b' is no label's value; it has {ALPHABET}"),
    ("board=ü", 7, f"'ü' is no label's value; it has {ALPHABET}"),
    ("a=" + "y" * 64, 3, f"'{'y' * 64}' is no label's value; it has {ALPHABET}"),
    ("-board=a", 1, f"'-board' is no label's key; its name has {ALPHABET}"),
    ("x" * 64, 1, f"'{'x' * 64}' is no label's key; its name has {ALPHABET}"),
    ("a/=1", 1, f"'a/' is no label's key; its name has {ALPHABET}"),
    ("Example.com/a", 1, "'Example.com/a' is no label's key; before the '/' goes a DNS name in lower case"),
    ("/a", 1, "'/a' is no label's key; before the '/' goes a DNS name in lower case"),
    ("a=1,x/y/z", 5, "'x/y/z' is no label's key; before the '/' goes a DNS name in lower case"),
    ("a=1 | b=2", 5, "only one selector is possible here, without alternatives"),
]


@pytest.mark.parametrize(("text", "column", "reason"), REFUSED)
def test_what_is_refused(text: str, column: int, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_selector(text)
    assert str(caught.value) == f"The selector '{text}' is wrong at column {column}: {reason}."
    assert isinstance(caught.value, UsageError)


def test_an_error_is_of_bounded_length() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_selector("b=" + "é" * 100_000)
    assert len(str(caught.value)) < 500


def test_alternatives() -> None:
    found = parse_alternatives("board=a | board=b,os!=x|board in (c)")
    assert [str(one) for one in found] == ["board=a", "board=b,os notin (x)", "board in (c)"]
    assert parse_alternatives(" board=a ") == (parse_selector("board=a"),)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 1, "a selector is needed there, such as board=rpi4,os in (linux,android),!broken"),
        ("board=a |", 10, "a selector is needed there, such as board=rpi4,os in (linux,android),!broken"),
        ("|board=a", 1, "a selector is needed there, such as board=rpi4,os in (linux,android),!broken"),
        ("board=a || board=b", 10, "a selector is needed there, such as board=rpi4,os in (linux,android),!broken"),
        ("board=a | board==b", 16, "leases take no '=='; write 'board=' with one '='"),
        ("board=a, | board=b", 10, "a label's key is needed there, not the end"),
        ("board in (a|b)", 12, "',' or ')' is needed there, not the end"),
    ],
)
def test_alternatives_that_are_refused(text: str, column: int, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_alternatives(text)
    assert str(caught.value) == f"The selector '{text}' is wrong at column {column}: {reason}."


def test_the_virtual_lab_understands_random_selectors_in_the_same_way() -> None:
    rng = random.Random(20)
    words = ["a", "b", "in", "notin", "x.y/a", "1", "=", "!=", "!", ",", ",", "(", ")", " ", "==", "<", "-"]
    understood = 0
    for _ in range(5000):
        text = "".join(rng.choice(words) for _ in range(rng.randint(1, 9)))
        try:
            ours = str(parse_selector(text))
        except ConfigurationError:
            continue
        understood += 1
        try:
            assert parse_for_lease(text).rendered == ours, text
        except SelectorError as error:
            pytest.fail(f"{text!r}: {error}")
    assert understood > 200


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("a==b,c= d", [("a", "=", ("b",)), ("c", "=", ("d",))]),
        ("a!=b,!c,d", [("a", "!=", ("b",)), ("c", "!exists", ()), ("d", "exists", ())]),
        ("a in (y,x),b notin(z", [("a", "in", ("y", "x"))]),
        ("what is this,a=b c,d<4,<none>,Not/a-key=ü:1", [("Not/a-key", "=", ("ü:1",))]),
        ("a=1,a=2", [("a", "=", ("1",)), ("a", "=", ("2",))]),
    ],
)
def test_terms_of_a_text_that_may_be_no_selector(text: str, terms: list[tuple[str, str, tuple[str, ...]]]) -> None:
    assert [(term.key, term.operator, term.values) for term in parse_terms(text)] == terms
