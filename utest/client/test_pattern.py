"""Patterns: literal texts and regular expressions, and what was nearest."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.pattern import WINDOW, Found, Pattern
from JumpstarterLibrary.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("login:", "board login: ", Found(6, 12, "login:", {})),
        ("a.c", "abc a.c", Found(4, 7, "a.c", {})),
        ("no", "yes", None),
        ("regexp:a.c", "xabc", Found(1, 4, "abc", {})),
        ("regexp:^b", "a\nb", Found(2, 3, "b", {})),
        ("regexp:a$", "a\nb", Found(0, 1, "a", {})),
        (r"regexp:v(?P<major>\d)(\.(?P<minor>\d))?", "v2", Found(0, 2, "v2", {"major": "2", "minor": None})),
        ("regexp:(?i)LOGIN", "login", Found(0, 5, "login", {})),
        ("REGEXP:a.c", "xabc", Found(1, 4, "abc", {})),
        ("Regexp:a.c", "xabc", Found(1, 4, "abc", {})),
        ("literal:regexp:a.c", "regexp:abc regexp:a.c", Found(11, 21, "regexp:a.c", {})),
        ("LITERAL:re: x", "re: x", Found(0, 5, "re: x", {})),
        ("reg: 7", "reg: 7", Found(0, 6, "reg: 7", {})),
        ("RX: 100 bytes", "RX: 100 bytes", Found(0, 13, "RX: 100 bytes", {})),
        ("Re: boot", "Re: boot", Found(0, 8, "Re: boot", {})),
        ("a regexp : b", "a regexp : b", Found(0, 12, "a regexp : b", {})),
    ],
)
def test_search(pattern: str, text: str, found: Found | None) -> None:
    assert Pattern(pattern).search(text) == found


def test_what_is_before_the_beginning_is_no_match_but_tells_where_a_line_begins() -> None:
    assert Pattern("a").search("aa", 1) == Found(1, 2, "a", {})
    assert Pattern("regexp:^b").search("ab", 1) is None
    assert Pattern("regexp:^b").search("\nb", 1) == Found(1, 2, "b", {})
    assert Pattern(r"regexp:\bb").search("ab", 1) is None


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("regex:vers.on", "regexp:vers.on"),
        ("REGEX:vers.on", "regexp:vers.on"),
        ("re:vers.on", "regexp:vers.on"),
        ("rx=vers.on", "regexp:vers.on"),
        ("regexp=vers.on", "regexp:vers.on"),
        ("Regexp = vers.on", "regexp:vers.on"),
        (" regexp:vers.on", "regexp:vers.on"),
        ("regexpr:vers.on", "regexp:vers.on"),
        ("regular expression: vers.on", "regexp:vers.on"),
        ("literal=vers.on", "regexp:vers.on"),
        ("glob:vers?on", "regexp:vers?on"),
    ],
)
def test_a_prefix_that_there_is_not_is_refused(text: str, beginning: str) -> None:
    with pytest.raises(UsageError) as caught:
        Pattern(text)
    assert str(caught.value) == (
        f"'{text}' begins with a prefix that there is not. Write '{beginning}' for a regular expression, or "
        f"'literal:{text}' for this very text."
    )
    assert Pattern(f"literal:{text}").search(f"a {text}") is not None


def test_a_prefix_that_was_written_as_a_name_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        Pattern("vers.on", "Regexp")
    assert str(caught.value) == (
        "'Regexp=vers.on' is a pattern with the name 'Regexp', and a plain text. Write 'regexp:vers.on' for a regular "
        "expression, or choose another name."
    )


@pytest.mark.parametrize("text", ["", "regexp:", "REGEXP:", "literal:"])
def test_an_empty_pattern_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Pattern(text)
    assert str(caught.value) == (
        "An empty pattern matches everything. Give a text, or regexp: and a regular expression."
    )


def test_an_invalid_regular_expression_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        Pattern("regexp:(")
    assert str(caught.value) == (
        "'(' is not a valid regular expression: missing ), unterminated subpattern at position 0."
    )


def test_how_far_back_a_match_may_begin() -> None:
    assert (Pattern("abc").overlap, Pattern("a").overlap, Pattern("regexp:a").overlap) == (2, 0, WINDOW)
    assert Pattern("literal:abc").overlap == 2


@pytest.mark.parametrize(
    ("pattern", "text", "nearest"),
    [
        ("login:", "boot\n  logim: \n", "logim:"),
        ("login:", "nothing\nnear\n", None),
        ("Login", "board login: now\n", "board login: now"),
        ("login:", "", None),
        ("regexp:login", "other", None),
        (
            r"regexp:link up at (?P<speed>\d+) Gbps",
            "eth0: link down\n eth0: link up at 100 Mbps \nbye",
            "eth0: link up at 100 Mbps",
        ),
        ("regexp:(?:panic|oops): x", "no panic here\n", "no panic here"),
    ],
)
def test_the_nearest_line(pattern: str, text: str, nearest: str | None) -> None:
    assert Pattern(pattern).nearest(text) == nearest


def test_it_shows_as_it_was_written() -> None:
    assert str(Pattern("regexp:a+")) == "regexp:a+"


@pytest.mark.parametrize(
    ("pattern", "crosses"),
    [
        ("a\nb", False),
        (r"regexp:version (?P<version>\S+) \d+\w*$", False),
        ("regexp:^[a-z]+ .*(x|y)$", False),
        (r"regexp:a\sb", True),
        (r"regexp:a\nb", True),
        ("regexp:a\nb", True),
        ("regexp:[^:]*:", True),
        ("regexp:(?s)a.*b", True),
        ("regexp:a(?is:.)b", True),
        (r"regexp:\x0a", True),
        (r"regexp:(?<!x)a\Wb", True),
    ],
)
def test_whether_a_match_may_hold_a_line_end(pattern: str, crosses: bool) -> None:
    assert Pattern(pattern).crosses_lines is crosses


def test_patterns_have_names() -> None:
    assert Pattern("=>", "UBOOT").name == "UBOOT"
    pattern = Pattern("x")
    assert (pattern.name, Pattern.of(pattern) is pattern, Pattern.of("y").text) == ("", True, "y")


def test_of_a_long_text_the_beginning_decides_which_line_is_nearest() -> None:
    wanted = Pattern.of_text("setenv bootcmd 'load mmc 0:1 ${kernel_addr_r} Image' " + "x" * 5000)
    heard = f"=> version\n=> setenv bootcmd 'load mmc 0:1 ${{kernel_addr_r}} Imag {'x' * 4000}\n=> "
    assert wanted.nearest(heard) == heard.split("\n")[1]
