"""Text of unknown origin is shown so that no character of it acts on a terminal, hides or turns the text round."""

from __future__ import annotations

import logging
import sys

import pytest

from JumpstarterLibrary.errors import DriverError, JumpstarterError
from JumpstarterLibrary.printable import LONGEST, PrintableFormatter, printable, printable_line, printable_prose
from utest.hostile_exporter import HOSTILE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (
            "Büro 100 % ✓ 日本 e\u0301 \U0001f468\u200d\U0001f4bb",
            "Büro 100 % ✓ 日本 e\u0301 \U0001f468\u200d\U0001f4bb",
        ),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b]52;c;aGVsbG8=\x07", "\\x1b]52;c;aGVsbG8=\\x07"),
        ("\x9b31mred", "\\x9b31mred"),
        ("safe\b\b\b\bevil", "safe\\x08\\x08\\x08\\x08evil"),
        ("100 %\rfailed", "100 %\\rfailed"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("pa\u200bss\ufeff\xad", "pa\\u200bss\\ufeff\\xad"),
        ("one\u2028two\x85three", "one\\u2028two\\x85three"),
        ("\ud800", "\\ud800"),
        ("a\U000e0041", "a\\U000e0041"),
        ("\x00\x7f", "\\x00\\x7f"),
    ],
)
def test_what_acts_or_hides_is_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
    assert str(DriverError(text)) == shown


def test_an_error_stays_printable_with_more_facts() -> None:
    error = DriverError("one")
    error.add_fact("two\x1b[2J")
    assert str(error) == "one two\\x1b[2J"
    assert str(error.reworded(JumpstarterError, "three\x07")) == "three\\x07"


def test_a_name_is_one_line() -> None:
    assert printable_line("a\nb\tc\r\n") == "a\\nb\\tc\\r\\n"
    assert printable_line("x" * (LONGEST + 5)) == "x" * LONGEST + "… (5 more characters)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;32mok\x1b[0m\r\nnext", "ok\nnext"),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "textlink"),
        # What is left of two sequences in each other is none.
        ("\x1b[3\x1b[31m1mred", "\\x1b[31mred"),
        ("\x1b[31", "\\x1b[31"),
        ("cut" * LONGEST, f"{'cut' * (LONGEST // 3)}c… ({2 * LONGEST} more characters)"),
    ],
)
def test_prose_loses_its_colours(text: str, shown: str) -> None:
    assert printable_prose(text) == shown


def test_records_of_a_log() -> None:
    record = logging.LogRecord("driver", logging.INFO, "", 1, "\x1b[31m%s\x1b[0m", (f"a{HOSTILE}",), None)
    text = PrintableFormatter().format(record)
    assert " INFO driver: aRED" in text
    assert printable(text) == text


def test_all_control_and_format_characters_are_known() -> None:
    import unicodedata

    # ZERO WIDTH JOINER and NON-JOINER belong to words and emoji; others are marks of scripts, which show.
    allowed = {"\t", "\n", "\u200c", "\u200d"}
    shown = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")
        or unicodedata.bidirectional(character) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
        if character not in allowed and printable(character) == character
    ]
    assert shown == []
