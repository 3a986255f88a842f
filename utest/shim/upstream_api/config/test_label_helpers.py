"""Helpers that take label selectors apart."""

from __future__ import annotations

import pytest
from pytest_jumpstarter.upstream_api.config.selectors import (
    extract_match_labels_filter,
    parse_label_selector,
    selector_contains,
)


@pytest.mark.parametrize(
    ("selector", "labels", "expressions"),
    [
        ("", {}, []),
        (" , ", {}, []),
        ("board=rpi4", {"board": "rpi4"}, []),
        ("example.com/board == rpi4 ,speed= fast", {"example.com/board": "rpi4", "speed": "fast"}, []),
        ("empty=", {"empty": ""}, []),
        ("a!=b, c in (d, e) ,f notin (g)", {}, [("a", "!=", ["b"]), ("c", "in", ["d", "e"]), ("f", "notin", ["g"])]),
        ("here,! gone,!also", {}, [("here", "exists", []), ("gone", "!exists", []), ("also", "!exists", [])]),
        ("c in(d,e),x=y", {"x": "y"}, [("c", "in", ["d", "e"])]),
        ("in=notin", {"in": "notin"}, []),
        ("what is this,a=b", {"a": "b"}, []),
    ],
)
def test_parsing(selector: str, labels: dict[str, str], expressions: list[tuple[str, str, list[str]]]) -> None:
    assert parse_label_selector(selector) == (labels, expressions)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, None),
        ("", None),
        ("a in (b)", None),
        ("b=2,a=1,c!=3", "b=2,a=1"),
    ],
)
def test_the_equality_part(selector: str | None, expected: str | None) -> None:
    assert extract_match_labels_filter(selector) == expected


@pytest.mark.parametrize(
    ("selector", "requirements", "expected"),
    [
        ("a=1,b=2", "", True),
        ("a=1,b=2", "b=2", True),
        ("a=1,b=2", "b=3", False),
        ("a=1", "a=1,b=2", False),
        ("a in (y,x)", "a in (x, y)", True),
        ("a in (x)", "a in (x,y)", False),
        ("!a", "a", False),
        ("a", "a", True),
        # As controllers write what was asked for.
        ("a notin (x)", "a!=x", True),
        ("a notin (x,y)", "a!=x", False),
        ("<none>", "a=1", False),
    ],
)
def test_whether_a_selector_asks_for_all_of_another(selector: str, requirements: str, expected: bool) -> None:
    assert selector_contains(selector, requirements) is expected
