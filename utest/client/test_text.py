"""Console text: the same whatever the chunks."""

from __future__ import annotations

import random

import pytest

from JumpstarterLibrary.client.text import Normaliser, places_left, without_erased

TRICKY = [
    ("plain\ntext", "plain\ntext"),
    ("tab\tand \x08 stay", "tab\tand \x08 stay"),
    ("grün 😀", "grün 😀"),
    ("a\r\nb", "a\nb"),
    ("a\r\r\nb", "a\nb"),
    ("a\rb", "a\nb"),
    ("a\r\rb", "a\n\nb"),
    ("a\r\r\r\nb", "a\n\nb"),
    ("a\n\rb", "a\n\nb"),
    ("a\x1b[0m\r\x1b[K\nb", "a\nb"),
    ("abc\r[    1.234567] usb: x\r\n\ndef", "abc[    1.234567] usb: x\n\ndef"),
    ("abc\r\r[1234567.234567] x\r\n", "abc[1234567.234567] x\n"),
    ("50%\r[  OK  ] x", "50%\n[  OK  ] x"),
    ("\x1b[1;31mred\x1b[0m", "red"),
    ("\x1b[?25l\x1b[2J\x1b[10;20Hx", "x"),
    ("\x1b]0;title\x07x", "x"),
    ("\x1b]0;title\x1b\\x", "x"),
    ("\x1b(B\x1b=\x1b>\x1bMx", "x"),
    ("bell\x07 and nul\x00", "bell and nul"),
    ("\x1b\x1b[0mx", "\x1bx"),
    ("\x1b]0;unfinished\x1b[0m title", "\x1b]0;unfinished title"),
    ("\x1b]" + "x" * 250 + "\x07y", "y"),
    ("\x1b]" + "x" * 251 + "\x07y", "\x1b]" + "x" * 251 + "y"),
    ("\x1b[" + "1" * 250 + "my", "y"),
    ("\x1b[" + "1" * 251 + "my", "\x1b[" + "1" * 251 + "my"),
    ("\x1b[1\nx", "\x1b[1\nx"),
    ("\x1b]0;title\nJMP", "\x1b]0;title\nJMP"),
    ("\x1b\nJMP", "\x1b\nJMP"),
]

BROKEN = [
    (b"\xff\xfeok", "\ufffd\ufffdok"),
    (b"\xf0\x9f\x98A", "\ufffdA"),
    (b"\xc3(", "\ufffd("),
    (b"\xe2\x82\r\nx", "\ufffd\nx"),
]

CASES = [(text.encode(), expected) for text, expected in TRICKY] + BROKEN


@pytest.mark.parametrize(("data", "expected"), CASES, ids=lambda value: repr(value)[:30])
def test_what_bytes_become(data: bytes, expected: str) -> None:
    assert Normaliser().feed(data) == expected


@pytest.mark.parametrize(("data", "expected"), CASES, ids=lambda value: repr(value)[:30])
def test_every_split_point_gives_the_same_text(data: bytes, expected: str) -> None:
    for first in range(len(data) + 1):
        for second in range(first, len(data) + 1, max(1, len(data) // 20)):
            normaliser = Normaliser()
            pieces = (data[:first], data[first:second], data[second:])
            assert "".join(map(normaliser.feed, pieces)) == expected, f"split at {first} and {second}"


def test_random_bytes_in_random_chunks_give_the_same_text() -> None:
    seed = random.randrange(2**32)
    source = random.Random(seed)
    atoms = [
        *(bytes([value]) for value in b"\x1b[]0;m\x07\\\r\n\x00a?( "),
        *("ü😀".encode(), b"\xf0", b"\xff", b"\x1b[0m", b"\x1b]0;t\x07", b"\x1b]" + b"x" * 251, b"\x1b[" + b"1" * 250),
    ]
    end = b"\x07\x07END"
    for _ in range(3000):
        data = b"".join(source.choices(atoms, k=source.randint(1, 14))) + end
        normaliser, rest, found = Normaliser(), data, ""
        while rest:
            size = source.randint(1, len(rest))
            found, rest = found + normaliser.feed(rest[:size]), rest[size:]
        assert found == Normaliser().feed(data), f"seed {seed}, {data!r}"
        assert found.endswith("END")


@pytest.mark.parametrize(
    ("first", "text", "rest", "more"),
    [
        (b"a\r", "a", b"\n", "\n"),
        (b"a\r\r", "a", b"\n", "\n"),
        (b"a\r\r\r", "a\n", b"\n", "\n"),
        (b"\x1b", "", b"[0mx", "x"),
        (b"x\x1b[3", "x", b"1mred", "red"),
        (b"x\x1b]0;title\x1b", "x", b"\\y", "y"),
        (b"\xf0\x9f", "", b"\x98\x80", "😀"),
        (b"ab\r[   12.34", "ab", b"5678] x\r\n\n", "[   12.345678] x\n\n"),
        (b"ab\r<6", "ab", b">[   12.345678@1] x\r\n\n", "<6>[   12.345678@1] x\n\n"),
        (b"50%\r[   12", "50%", b"-", "\n[   12-"),
    ],
)
def test_what_is_unclear_waits_for_its_other_half(first: bytes, text: str, rest: bytes, more: str) -> None:
    normaliser = Normaliser()
    assert (normaliser.feed(first), normaliser.feed(rest)) == (text, more)


def test_carriage_returns_do_not_pile_up() -> None:
    normaliser = Normaliser()
    assert sum(len(normaliser.feed(b"\r" * 100)) for _ in range(10)) == 998


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ""),
        ("abc", "abc"),
        ("abc\bd", "abd"),
        ("autoboot:  2 \b\b\b 1 \b\b\b 0 \n", "autoboot:  0 \n"),
        ("a\n\b\bb\b \bc\n\n\b", "a\nc\n\n"),
        ("\b\b\bx", "x"),
        ("N\bNA\bA", "NA"),
    ],
)
def test_what_backspaces_leave(text: str, left: str) -> None:
    assert without_erased(text) == left
    assert "".join(text[place] for place in places_left(text)) == left
