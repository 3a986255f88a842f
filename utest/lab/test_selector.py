"""The grammar of label selectors, what they match, and how they come back."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.lab.selector import SelectorError, is_label_key, is_subdomain, parse, parse_for_lease

LABELS = {"board": "rpi4", "site": "lab", "rev": "3", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("", True),
        ("  ", True),
        ("board=rpi4", True),
        (" board = rpi4 , site=lab ", True),
        ("board==rpi4", True),
        ("board=rpi5", False),
        ("missing=x", False),
        ("missing=", False),
        ("empty=", True),
        ("empty=,board=rpi4", True),
        ("board!=rpi5", True),
        ("board!=rpi4", False),
        ("missing!=x", True),
        ("board in (rpi4, rpi5)", True),
        ("board in(rpi5)", False),
        ("empty in ()", True),
        ("empty in (a,)", True),
        ("missing in (a)", False),
        ("board notin (rpi5)", True),
        ("board notin (rpi4,rpi5)", False),
        ("missing notin (a)", True),
        ("board", True),
        ("missing", False),
        ("!missing", True),
        ("! board", False),
        ("rev>2", True),
        ("rev > 3", False),
        ("rev<4", True),
        ("board<4", False),
        ("missing<4", False),
        ("board,site,!missing,rev in (3)", True),
        ("board=rpi4,", True),
    ],
)
def test_matching(text: str, matching: bool) -> None:
    assert parse(text).matches(LABELS) is matching


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("=x", "found '=' where a label key was expected"),
        ("a=b c", "found 'c' where ',' was expected"),
        (",", "found ',' where a label key was expected"),
        ("a,,b", "found ',' where a label key was expected"),
        ("a in b", "found 'b' where '(' was expected"),
        ("a in (b", "found '' where ')' was expected"),
        ("a=-b", "found '-b' where a label value was expected"),
        ("a=!", "found '!' where a label value was expected"),
        ("a like b", "found 'like' where an operator was expected"),
        ("-a", "found '-a' where a label key was expected"),
        ("A_/b=c", "found 'A_/b' where a label key was expected"),
        ("a>b", "'>' compares with whole numbers, not with 'b'"),
        ("!", "found '' where a label key was expected"),
        (f"a={'x' * 64}", f"found '{'x' * 64}' where a label value was expected"),
    ],
)
def test_what_is_no_selector(text: str, trouble: str) -> None:
    with pytest.raises(SelectorError) as info:
        parse(text)
    assert str(info.value) == f"couldn't parse the selector string {text!r}: {trouble}"
    with pytest.raises(SelectorError, match=r"^failed to parse label selector: "):
        parse_for_lease(text)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", "<none>"),
        ("b=1,a=2", "a=2,b=1"),
        ("a!=2", "a notin (2)"),
        ("a!=2,a!=1", "a notin (1,2)"),
        ("a in (z, b)", "a in (b,z)"),
        ("a notin (z,b,z)", "a notin (b,z)"),
        ("x,!y", "x,!y"),
        ("a=1,a=1", "a=1"),
        ("a=", "a="),
        ("example.com/board=rpi4", "example.com/board=rpi4"),
        ("a,a=1", "a=1,a"),
    ],
)
def test_rendering_for_leases(text: str, rendered: str) -> None:
    assert parse_for_lease(text).rendered == rendered


@pytest.mark.parametrize(("text", "operator"), [("a==b", "=="), ("a<1", "<"), ("a>1", ">")])
def test_operators_that_leases_may_not_use(text: str, operator: str) -> None:
    with pytest.raises(SelectorError) as info:
        parse_for_lease(text)
    assert str(info.value) == f"unsupported label selector operator: {operator}"


def test_two_values_of_one_label() -> None:
    with pytest.raises(SelectorError) as info:
        parse_for_lease("a=b,a=c")
    assert str(info.value) == "conflicting values for label 'a' in selector: 'b' and 'c'"


def test_the_equality_part() -> None:
    selector = parse_for_lease("a=1,b!=2,c in (3),d,e=5")
    assert selector.equalities == {"a": "1", "e": "5"}
    assert selector.keys == ["a", "b", "c", "d", "e"]


def test_prefixes() -> None:
    assert str(parse("a=1,!b").with_prefix("x.y/")) == "x.y/a=1,!x.y/b"


def test_equal_selectors_are_equal() -> None:
    assert parse("a=1,b") == parse(" b , a = 1 ")
    assert not parse("")
    assert parse("a")


@pytest.mark.parametrize(
    ("text", "fine"),
    [("a", True), ("x.y/a", True), ("", False), ("/a", False), ("X/a", False), ("a/", False), ("a" * 64, False)],
)
def test_label_keys(text: str, fine: bool) -> None:
    assert is_label_key(text) is fine


@pytest.mark.parametrize(
    ("text", "fine"), [("a", True), ("a-b.c0", True), ("A", False), ("a_b", False), ("-a", False), ("a" * 254, False)]
)
def test_subdomains(text: str, fine: bool) -> None:
    assert is_subdomain(text) is fine
