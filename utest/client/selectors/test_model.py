"""Parsed selectors: what they match, and when two of them mean the same."""

from __future__ import annotations

import itertools

import pytest

from JumpstarterLibrary.client.selectors import Selector, parse_selector

MATCHES = [
    ("", {}, True),
    ("a=1", {"a": "1"}, True),
    ("a=1", {"a": "2"}, False),
    ("a=1", {}, False),
    ("a=", {"a": ""}, True),
    ("a=", {}, False),
    ("a", {"a": ""}, True),
    ("a", {}, False),
    ("!a", {}, True),
    ("!a", {"a": ""}, False),
    ("a!=1", {"a": "2"}, True),
    ("a!=1", {"a": "1"}, False),
    ("a!=1", {}, True),
    ("a!=", {"a": ""}, False),
    ("a!=", {}, True),
    ("a in (1,2)", {"a": "2"}, True),
    ("a in (1,2)", {"a": "3"}, False),
    ("a in (1,2)", {}, False),
    ("a in ()", {"a": ""}, True),
    ("a notin (1,2)", {"a": "3"}, True),
    ("a notin (1,2)", {"a": "1"}, False),
    ("a notin (1,2)", {}, True),
    ("a=1,b", {"a": "1", "b": "x"}, True),
    ("a=1,b", {"a": "1"}, False),
]


@pytest.mark.parametrize(("text", "labels", "matches"), MATCHES)
def test_matches(text: str, labels: dict[str, str], matches: bool) -> None:
    assert parse_selector(text).matches(labels) is matches


SAME = [
    ("a=1,b=2", "b=2,a=1"),
    ("a!=1", "a notin (1)"),
    ("a!=1,a!=2", "a notin (2,1)"),
    ("a!=1,a notin (2)", "a notin (1,2)"),
    ("a in (1)", "a=1"),
    ("a in (1,2),a in (2,3)", "a=2"),
    ("a in (1,2),a!=1", "a=2"),
    ("a=1,a", "a=1"),
    ("a,a", "a"),
    ("!a,a!=1", "!a"),
    ("a,!a", "a=1,!a"),
    ("a=1,a in (2)", "b,!b,c=3"),
    ("", "<none>"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_different_writings_of_the_same(one: str, other: str) -> None:
    assert parse_selector(one).means(parse_selector(other))
    assert parse_selector(other).means(parse_selector(one))


DIFFERENT = ["", "a", "!a", "a=1", "a=2", "a in (1,2)", "a!=1", "a,a!=1", "a!=2", "b", "a=1,b=2", "a=1,b", "a,!a", "a="]


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(DIFFERENT, 2)))
def test_different_meanings(one: str, other: str) -> None:
    assert not parse_selector(one).means(parse_selector(other))


def test_two_that_mean_the_same_match_the_same() -> None:
    parts = ["a", "!a", "a=1", "a!=1", "a in (1,2)", "a notin (2)", "a in ()"]
    labels = [{}, {"a": "1"}, {"a": "2"}, {"a": "3"}, {"a": ""}]
    selectors = [parse_selector(",".join(some)) for some in itertools.combinations(parts, 2)]
    same = 0
    for one, other in itertools.combinations(selectors, 2):
        matched = [[selector.matches(there) for there in labels] for selector in (one, other)]
        # Five label sets tell all meanings of these parts apart.
        assert one.means(other) == (matched[0] == matched[1]), f"{one} and {other}"
        same += one.means(other)
    assert same > 5


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", ""),
        ("a", ""),
        ("b=2,a=1", "a=1,b=2"),
        ("a=1,b!=2,c in (3),d,!e,f=", "a=1,f="),
    ],
)
def test_the_part_that_a_filter_for_leases_finds(text: str, part: str) -> None:
    assert parse_selector(text).equality_part() == part


def test_an_empty_selector() -> None:
    assert str(Selector()) == "<none>"
    assert Selector().equality_part() == ""
