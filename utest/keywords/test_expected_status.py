"""The exit status that a command must have: what can be given, what meets it, and how it is told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from JumpstarterLibrary.common.values import InvalidValue
from JumpstarterLibrary.keywords.expected_status import SUCCESS, ExpectedStatus

ALL = (-1, 0, 1, 2, 3, None)


@pytest.mark.parametrize(
    ("value", "met", "unmet", "text"),
    [
        (0, {0}, "not 0", "0"),
        ("0", {0}, "not 0", "0"),
        (" 3 ", {3}, "not 3", "3"),
        ("-1", {-1}, "not -1", "-1"),
        ("0, 2", {0, 2}, "which is none of 0, 2", "0, 2"),
        ("0,2", {0, 2}, "which is none of 0, 2", "0, 2"),
        ("0|2", {0, 2}, "which is none of 0, 2", "0, 2"),
        ([0, "2"], {0, 2}, "which is none of 0, 2", "0, 2"),
        ((1,), {1}, "not 1", "1"),
        ("!0", {-1, 1, 2, 3, None}, "which it should not", "!0"),
        ("! 0, 2", {-1, 1, 3, None}, "which it should not", "!0, 2"),
        ("any", {*ALL}, "which it should not", "any"),
        ("ANY", {*ALL}, "which it should not", "any"),
        ("None", {*ALL}, "which it should not", "any"),
        (None, {*ALL}, "which it should not", "any"),
        ("restart", {*ALL}, "which it should not", "restart"),
    ],
)
def test_what_meets_it(value: Any, met: set[int | None], unmet: str, text: str) -> None:
    expected = ExpectedStatus.of(value)
    assert {status for status in ALL if expected.meets(status)} == met
    assert (expected.unmet, str(expected)) == (unmet, text)
    assert expected.restart is (text == "restart")
    assert ExpectedStatus.of(expected) is expected


@pytest.mark.parametrize("value", ["", "zero", "0 2", "!", "!any", "0,", True, [], ["any"], [0, None], 1.5, ["!0"]])
def test_what_is_none_is_refused(value: Any) -> None:
    sentence = "must be a status such as 0, several such as 0, 2, any but one such as !0, or any, not "
    with pytest.raises(InvalidValue, match=f"^{re.escape(sentence)}"):
        ExpectedStatus.of(value)


def test_success_is_status_zero() -> None:
    assert SUCCESS.meets(0)
    assert not SUCCESS.meets(None)
