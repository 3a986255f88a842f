"""A console's history: addressed by offsets, bounded in memory, whatever the size of its pieces."""

from __future__ import annotations

import random

import pytest

from JumpstarterLibrary.client.consoles.history import PIECES, TextHistory


def test_text_by_offset() -> None:
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


def test_its_beginning_is_forgotten() -> None:
    history = TextHistory(10)
    for number in range(5):
        history.append(str(number) * 4)
    assert (history.start, history.end, history.since(0)) == (12, 20, "33334444")
    assert history.since(15) == "34444"


def test_the_last_piece_is_kept_however_long() -> None:
    history = TextHistory(4)
    history.append("abc")
    history.append("defghijkl")
    assert (history.start, history.end, history.since(0)) == (3, 12, "defghijkl")


def test_many_small_pieces_become_few_large_ones() -> None:
    history = TextHistory(1000)
    for number in range(20_000):
        history.append(f"{number % 10}")
    assert history.end == 20_000
    assert 19_000 <= history.start < 19_100
    assert history.since(0) == ("0123456789" * 100)[-(20_000 - history.start) :]
    assert len(history._pieces) <= PIECES
    assert len(history._blocks) < 20


@pytest.mark.parametrize("limit", [1, 50, 5000])
def test_any_pieces_give_the_same_text(limit: int) -> None:
    seed = random.randrange(2**32)
    source = random.Random(seed)
    history, text = TextHistory(limit), ""
    for _ in range(500):
        piece = "".join(source.choices("ab\n\u20ac\U0001f600", k=source.choice((0, 1, 1, 3, 200))))
        history.append(piece)
        text += piece
        offset = source.randint(0, len(text))
        assert history.since(offset) == text[max(offset, history.start) :], f"seed {seed}"
    assert history.end == len(text)
