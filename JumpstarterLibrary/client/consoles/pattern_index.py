"""Tell in one pass over a text which of many patterns may match in it, by the texts that their matches need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from JumpstarterLibrary.client.consoles.required_text import RequiredTexts

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

T = TypeVar("T")


class PatternIndex(Generic[T]):
    """Patterns, found by the texts that their matches need.

    Args:
        patterns: Each with the texts of which one is in every match of it; without any, it may always match.
    """

    def __init__(self, patterns: Iterable[tuple[T, RequiredTexts]] = ()) -> None:
        entries = list(patterns)
        self._patterns = [pattern for pattern, _ in entries]
        self._always = {number for number, (_, required) in enumerate(entries) if not required.texts}
        self._folded_numbers = {number for number, (_, required) in enumerate(entries) if required.folded}
        self._exact, self._folded = (
            _Texts(
                [
                    (text, number)
                    for number, (_, required) in enumerate(entries)
                    if required.folded is folded
                    for text in required.texts
                ]
            )
            for folded in (False, True)
        )

    def candidates(self, text: str) -> list[T]:
        """Return the patterns that may match in a text, in their order."""
        found = self._always | self._exact.owners_in(text)
        if self._folded_numbers:
            # Outside of ASCII, letters that are equal but for their case may be so in small letters, too.
            found |= self._folded.owners_in(text.lower()) if text.isascii() else self._folded_numbers
        return [self._patterns[number] for number in sorted(found)]


class WordIndex:
    """Words, found in one pass over a text, in small letters and in capitals.

    Letters that are not ASCII stand for each other: what is found is a place to look at.

    Args:
        words: The words.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = [_small(word) for word in words]
        self._automaton = _automaton(self._words)

    def places(self, text: str) -> list[int]:
        """Return where the words are in a text; of those that overlap, the first."""
        small = _small(text)
        if self._automaton is not None:
            return [begin for _, begin, _ in self._automaton.find_matches_as_indexes(small)]
        return sorted(found.start() for word in self._words for found in re.finditer(re.escape(word), small))

    def lines(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield begin and end of each line of a text that holds one of the words, in order."""
        for begin in sorted({text.rfind("\n", 0, at) + 1 for at in self.places(text)}):
            end = text.find("\n", begin)
            yield begin, len(text) if end < 0 else end

    def matches(self, pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
        """Yield the matches of a pattern that are in such lines: all, where each match is in a line with a word."""
        for begin, end in self.lines(text):
            yield from pattern.finditer(text, begin, end)


def _small(text: str) -> bytes:
    """Return a text in small letters, one byte for each character: there are letters that become two."""
    return text.encode("ascii", "replace").lower()


class _Texts:
    """Texts, each of a pattern with a number."""

    def __init__(self, entries: Sequence[tuple[str, int]]) -> None:
        self._texts = [text for text, _ in entries]
        self._owners = [number for _, number in entries]
        self._automaton = _automaton([text.encode(errors="surrogatepass") for text in self._texts])

    def owners_in(self, text: str) -> set[int]:
        """Return the numbers of those that are in a text."""
        if self._automaton is None:
            return {owner for each, owner in zip(self._texts, self._owners, strict=True) if each in text}
        hits = self._automaton.find_matches_as_indexes(text.encode(errors="surrogatepass"), overlapping=True)
        return {self._owners[number] for number, _, _ in hits} if hits else set()


def _automaton(texts: Sequence[bytes]) -> BytesAhoCorasick | None:
    """Return what finds texts; None without any, and on a machine for which there is no such package."""
    if not texts:
        return None
    try:
        from ahocorasick_rs import BytesAhoCorasick, Implementation
    except ImportError:
        return None
    # The fastest for the hundreds of texts that presets have, at some 10 KB for each.
    return BytesAhoCorasick(texts, implementation=Implementation.DFA)
