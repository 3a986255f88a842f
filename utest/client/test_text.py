"""Console text: the same whatever the chunks, and a history with a bounded memory."""

from __future__ import annotations

import random

import pytest

from JumpstarterLibrary.client.text import Normaliser, TextHistory

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
    ],
)
def test_what_is_unclear_waits_for_its_other_half(first: bytes, text: str, rest: bytes, more: str) -> None:
    normaliser = Normaliser()
    assert (normaliser.feed(first), normaliser.feed(rest)) == (text, more)


def test_carriage_returns_do_not_pile_up() -> None:
    normaliser = Normaliser()
    assert sum(len(normaliser.feed(b"\r" * 100)) for _ in range(10)) == 998


def test_history_by_offset() -> None:
    history = TextHistory(100)
    for piece in ("abc", "", "def", "g"):
        history.append(piece)
    assert (history.start, history.end) == (0, 7)
    assert [history.since(offset) for offset in (-1, 0, 2, 3, 6, 7, 99)] == [
        "abcdefg",
        "abcdefg",
        "cdefg",
        "defg",
        "g",
        "",
        "",
    ]


def test_history_forgets_its_beginning_piece_by_piece() -> None:
    history = TextHistory(10)
    for number in range(5):
        history.append(str(number) * 4)
    assert (history.start, history.end, history.since(0)) == (12, 20, "33334444")
    assert history.since(15) == "34444"


def test_history_keeps_its_last_piece_however_long() -> None:
    history = TextHistory(4)
    history.append("abc")
    history.append("defghijkl")
    assert (history.start, history.end, history.since(0)) == (3, 12, "defghijkl")


def test_history_of_many_pieces_stays_small() -> None:
    history = TextHistory(1000)
    for number in range(20_000):
        history.append(f"{number % 10}")
    assert (history.start, history.end) == (19_000, 20_000)
    assert history.since(0) == "0123456789" * 100
    assert len(history._pieces) < 6000
