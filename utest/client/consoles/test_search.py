"""Searching a growing text: every match is found, the first one first, and little is looked at twice."""

from __future__ import annotations

import random
import re

import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.consoles.search import QUICK, THOROUGH_S, IncrementalSearch
from JumpstarterLibrary.client.pattern import WINDOW, Pattern


class Growing:
    """A text that grows, and remembers how much of it was read.

    Attributes:
        read: Characters that were read in all.
    """

    def __init__(self, *patterns: str, start: int = 0) -> None:
        self.text = ""
        self.read = 0
        self.hunt = IncrementalSearch([Pattern(pattern) for pattern in patterns], start, self._read)

    def _read(self, offset: int) -> tuple[int, str]:
        self.read += len(self.text) - offset
        return offset, self.text[offset:]

    def say(self, text: str, *, last: bool = False) -> tuple[int, int, int] | None:
        """Add text and look; return which pattern was found, and from where to where."""
        self.text += text
        hit = self.hunt.look(last=last)
        return hit and (hit.index, hit.found.start, hit.found.end)


def test_a_match_across_pieces() -> None:
    growing = Growing("login:")
    assert growing.say("board lo") is None
    assert growing.say("gin") is None
    assert growing.say(": ") == (0, 6, 12)


def test_the_search_begins_at_its_start() -> None:
    growing = Growing("one", "regexp:^t", start=4)
    growing.text = "one two one"
    assert growing.say("") == (1, 4, 5)


@pytest.mark.parametrize("lines", [1, 500])
def test_a_plain_text_and_a_line_are_looked_at_about_once(lines: int) -> None:
    growing = Growing("needle", r"regexp:nee\wle \d+", "regexp:^end$")
    line = "x" * (5000 // lines) + "\n"
    for _ in range(lines):
        growing.say(line)
    assert growing.read < 2.5 * len(growing.text) + 200
    assert growing.say("needle 4711") == (0, len(growing.text) - 11, len(growing.text) - 5)


def test_the_whole_line_is_looked_at_when_its_end_comes() -> None:
    growing = Growing(r"regexp:^begin.*end$")
    assert growing.say("begin ") is None
    for _ in range(100):
        assert growing.say("x" * 50) is None
    assert growing.say(" end\n") == (0, 0, 5010)


def test_what_may_span_lines_is_looked_for_in_the_window_several_times_a_second(frozen_clock: MovableClock) -> None:
    growing = Growing(r"regexp:(?s)begin.*end")
    assert growing.say("begin\n") is None
    filler = "x" * 99 + "\n"
    for _ in range(2 * QUICK // 100):
        assert growing.say(filler) is None
    assert growing.say("end\n") is None
    assert growing.hunt.pending_text
    frozen_clock.advance(THOROUGH_S)
    assert growing.say("") == (0, 0, len(growing.text) - 1)


def test_nothing_is_left_for_later_by_the_last_look() -> None:
    growing = Growing(r"regexp:(?s)begin.*end")
    growing.say("begin\n")
    growing.say("x\n" * QUICK)
    assert growing.say("end\n") is None
    assert growing.say("", last=True) == (0, 0, len(growing.text) - 1)


def test_a_quick_match_does_not_hide_an_earlier_one() -> None:
    growing = Growing(r"regexp:(?s)begin.*end|last")
    growing.say("begin\n")
    growing.say("x\n" * QUICK)
    assert growing.say("end\nlast\n") == (0, 0, len(growing.text) - 6)


def test_a_match_longer_than_the_window_is_none(frozen_clock: MovableClock) -> None:
    growing = Growing(r"regexp:(?s)begin.*end")
    growing.say("begin\n")
    frozen_clock.advance(1)
    growing.say("x\n" * WINDOW)
    frozen_clock.advance(1)
    assert growing.say("end", last=True) is None


def test_after_a_match_the_same_text_is_searched_again() -> None:
    growing = Growing(r"regexp:version (?P<version>\S+)")
    assert growing.say("version 6.") == (0, 0, 10)
    assert growing.say("12\n") == (0, 0, 12)


def test_of_equal_matches_the_first_pattern_wins() -> None:
    assert Growing("ab", "a").say("xab") == (0, 1, 3)
    assert Growing("b", "ab").say("xab") == (1, 1, 3)


PATTERNS = ("needle", r"regexp:n\w+e \d+", r"regexp:^end$", r"regexp:a\sb", r"regexp:(?s)be.{0,40}en", "regexp:x{3,}")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_any_pieces_give_the_first_match_of_the_whole_text(pattern: str, frozen_clock: MovableClock) -> None:
    seed = random.randrange(2**32)
    source = random.Random(seed)
    words = ("needle ", "nee", "dle 12\n", "end", "\n", "a", "\nb", "be", "en\n", "x", "xx", "yyy ", "7 ", "\n\n")
    for _ in range(200):
        text = "".join(source.choices(words, k=source.randint(1, 60)))
        growing, rest, found = Growing(pattern), text, None
        while rest and found is None:
            size = source.randint(1, len(rest))
            frozen_clock.advance(source.choice((0, 0.1)))
            found, rest = growing.say(rest[:size], last=size == len(rest)), rest[size:]
        expression = pattern.removeprefix("regexp:") if pattern.startswith("regexp:") else re.escape(pattern)
        expected = re.search(expression, growing.text, re.MULTILINE)
        assert found == (expected and (0, *expected.span())), f"seed {seed}, {text!r}"


@pytest.mark.parametrize("pattern", ["abd", "regexp:^abd$", r"regexp:(?s)abd\n", r"regexp:a\w+"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_what_was_erased_is_not_found_and_what_is_left_is(pattern: str, size: int, frozen_clock: MovableClock) -> None:
    text = "first\nabc\bd\nlast\n"
    growing, erased = Growing(pattern), Growing("abc")
    hit = None
    for begin in range(0, len(text), size):
        for each in (growing, erased):
            each.text = text[: begin + size]
        if size == 100:
            assert erased.hunt.look(last=True) is None
        frozen_clock.advance(1)
        hit = hit or growing.hunt.look(last=True)
        if hit is not None and hit.found.end == len(growing.text):
            hit = growing.hunt.look(last=True)  # it may have grown
    assert hit is not None
    assert hit.found.text.strip() in ("abd", "abc", "a", "ab")
    assert text[hit.found.start : hit.found.end].replace("c\b", "").strip() == hit.found.text.strip()


def test_much_that_was_erased_is_searched_in_reasonable_time() -> None:
    growing = Growing("done")
    spinner = "|\b/\b-\b\\\b"
    for _ in range(1000):
        growing.text += spinner
        assert growing.hunt.look() is None
    assert growing.read < 1000 * (2 * QUICK + 2 * len(spinner) + 200)
    growing.text += "d\bdone"
    hit = growing.hunt.look()
    assert hit is not None
    assert (hit.found.text, hit.found.end) == ("done", len(growing.text))
