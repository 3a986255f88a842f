"""Tell which texts a regular expression needs: one of them is in every match, so that they can be looked for first.

Only what is certain counts. Where an expression has something that is not understood, it needs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SHORTEST = 2
"""Characters of a text that are worth to be looked for first; shorter ones are everywhere."""

_QUANTIFIER = re.compile(r"(?:([*?])|(\+)|\{(\d*)(?:,\d*)?\})[?+]?")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
_PLAIN_GROUP = re.compile(r"\((?!\?)|\(\?(?::|>|P<\w+>)")
_OTHER_GROUP = re.compile(r"\(\?(?:[=!]|<[=!]|[aimsuL-]+:)")
_WIDTHLESS = re.compile(r"[$^]|\\[AbBZ]")
_CLASS_ESCAPE = re.compile(r"\\[dDsSwWnrtfva]")


class _NotUnderstoodError(Exception):
    """An expression has something of which nothing is certain."""


@dataclass(frozen=True)
class RequiredTexts:
    """Texts of which one is in every match.

    Attributes:
        texts: The texts; none if nothing is certain, or worth to be looked for.
        folded: Whether they are in small letters, and to be looked for in a text in small letters.
    """

    texts: frozenset[str] = frozenset()
    folded: bool = False


def required_texts(expression: re.Pattern[str]) -> RequiredTexts:
    """Return the texts of which a regular expression needs one."""
    if expression.flags & re.VERBOSE:
        return RequiredTexts()
    pattern = re.sub(r"^(?:\(\?[aimsuL]+\))+", "", expression.pattern)
    try:
        texts = _Parser(pattern).alternatives()
    except _NotUnderstoodError:
        texts = None
    folded = bool(expression.flags & re.IGNORECASE)
    # Letters that are not ASCII may have several forms in capitals.
    if texts is None or _worth(texts) < SHORTEST or (folded and not all(map(str.isascii, texts))):
        return RequiredTexts()
    return RequiredTexts(frozenset(map(str.lower, texts)) if folded else texts, folded)


def _worth(texts: frozenset[str]) -> int:
    """Return how seldom texts are: the length of the shortest."""
    return min(map(len, texts))


@dataclass
class _Sequence:
    """The atoms of one alternative so far.

    Attributes:
        run: The characters that stand directly before the next atom in every match.
        best: The texts of which one is certain to be there.
    """

    run: str = ""
    best: frozenset[str] | None = None

    def end_run(self, run: str = "") -> None:
        if self.run:
            self.offer(frozenset((self.run,)))
        self.run = run

    def offer(self, texts: frozenset[str]) -> None:
        if self.best is None or (_worth(texts), -len(texts)) > (_worth(self.best), -len(self.best)):
            self.best = texts


class _Parser:
    """Reads an expression once, from its begin to its end."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def alternatives(self) -> frozenset[str] | None:
        """Read up to the end of a group; return the texts of which one is in every match of it."""
        found = [self._sequence()]
        while self.pattern.startswith("|", self.at):
            self.at += 1
            found.append(self._sequence())
        certain = [texts for texts in found if texts is not None]
        return frozenset[str]().union(*certain) if len(certain) == len(found) else None

    def _sequence(self) -> frozenset[str] | None:
        sequence = _Sequence()
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            self._atom(sequence)
        sequence.end_run()
        return sequence.best

    def _atom(self, sequence: _Sequence) -> None:
        if self._take(_WIDTHLESS):
            self._least()
            return
        if self._take(_CLASS_ESCAPE) or self._take(_CLASS) or self._take_text("."):
            sequence.end_run()
            self._least()
        elif self.pattern[self.at] == "(":
            sequence.end_run()
            texts = self._group()
            if self._least() and texts is not None:
                sequence.offer(texts)
        else:
            self._character(sequence)

    def _group(self) -> frozenset[str] | None:
        plain = self._take(_PLAIN_GROUP)
        if not plain and not self._take(_OTHER_GROUP):
            raise _NotUnderstoodError
        texts = self.alternatives()
        if not self._take_text(")"):
            raise _NotUnderstoodError
        return texts if plain else None

    def _character(self, sequence: _Sequence) -> None:
        escaped = self._take_text("\\")
        character = self.pattern[self.at]
        self.at += 1
        if (escaped and character.isalnum()) or (not escaped and character in "*+?"):
            raise _NotUnderstoodError
        before = self.at
        least = self._least()
        if self.at == before:
            sequence.run += character
        elif least:
            sequence.run += character
            sequence.end_run(character)
        else:
            sequence.end_run()

    def _least(self) -> int:
        """Read what follows an atom, and return how often the atom is there at least."""
        found = _QUANTIFIER.match(self.pattern, self.at)
        if found is None:
            return 1
        self.at = found.end()
        return 0 if found[1] else 1 if found[2] else int(found[3] or 0)

    def _take(self, what: re.Pattern[str]) -> bool:
        found = what.match(self.pattern, self.at)
        if found is not None:
            self.at = found.end()
        return found is not None

    def _take_text(self, text: str) -> bool:
        there = self.pattern.startswith(text, self.at)
        self.at += len(text) if there else 0
        return there
