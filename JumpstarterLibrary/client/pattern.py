"""Patterns to look for on a console."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from JumpstarterLibrary.common.values import shown
from JumpstarterLibrary.errors import UsageError

_PREFIX = re.compile(r"(?P<kind>regexp|literal):", re.IGNORECASE)

_NEAR_PREFIX = re.compile(r"\s*(?:(?i:regexp?r?|regular[ _]?expression|literal|glob)\s*[:=]\s*|(?:re|rx)[:=](?!\s))")
"""How a text begins whose author surely meant a prefix. As plain texts they would never be found: a check that
something was not said would pass."""

_KINDS = frozenset(("regexp", "regex", "re", "rx", "literal", "glob"))
"""Names that no pattern may have: ``regexp=x`` was meant as ``regexp:x``."""

WINDOW = 64 * 1024
"""Characters that a regular expression may span across new output; older text was searched when it came."""

NEAR_LINES = 500
"""Lines at the end of a text among which the nearest one is looked for."""

_SIMILAR = 0.6
"""How much of a text has to be in a line for that to be near: 1 is all of it."""

_COMPARED = 100
"""Characters of a text that lines are compared with: comparing takes time with the product of both lengths."""

_NEAR_LENGTH = 3
"""Characters that have to match a regular expression's beginning before a line counts as near."""

# All that may stand for a line end in a regular expression, rather too much than too little: classes that exclude,
# escapes by number, flags with DOTALL, assertions that look back, and control characters themselves.
_LINE_END = re.compile(r"\\[nsrDWabtfvxuUN0-3AZ]|\[\^|\(\?[a-zA-Z]*s|\(\?<[=!]|[\x00-\x1f]")


@dataclass(frozen=True)
class Found:
    """A match, in offsets relative to the searched text."""

    start: int
    end: int
    text: str
    groups: dict[str, str | None]


class Pattern:
    """A plain text, or a regular expression behind the prefix ``regexp:`` in upper or lower case.

    Args:
        text: What to look for. In regular expressions ``^`` and ``$`` match at line borders. What stands behind
            ``literal:`` is a plain text, however it begins.
        name: By which it is known among several. Default: none.

    Attributes:
        text: The pattern as it was given.
        name: Its name.
        plain: The plain text; empty for a regular expression.
        expression: The regular expression; None for a plain text.

    Raises:
        UsageError: It is empty, no valid regular expression, or has a prefix that there is not.
    """

    def __init__(self, text: str, name: str = "") -> None:
        self.text = text
        self.name = name
        self.expression: re.Pattern[str] | None = None
        prefix = _PREFIX.match(text)
        rest = text[prefix.end() :] if prefix else text
        if name.lower() in _KINDS:
            raise UsageError(
                f"{shown(f'{name}={text}')} is a pattern with the name '{name}', and a plain text. Write "
                f"{shown(f'regexp:{text}')} for a regular expression, or choose another name."
            )
        if not prefix and (near := _NEAR_PREFIX.match(text)):
            raise UsageError(
                f"{shown(text)} begins with a prefix that there is not. Write {shown(f'regexp:{text[near.end() :]}')} "
                f"for a regular expression, or {shown(f'literal:{text}')} for this very text."
            )
        if not rest:
            raise UsageError("An empty pattern matches everything. Give a text, or regexp: and a regular expression.")
        if prefix and prefix["kind"].lower() == "regexp":
            try:
                self.expression = re.compile(rest, re.MULTILINE)
            except (re.error, OverflowError, RecursionError) as error:
                # Beside its own error the compiler raises those for repetitions and for depths without end.
                raise UsageError(f"{shown(rest)} is not a valid regular expression: {error}.") from error
        self.plain = rest if self.expression is None else ""

    @classmethod
    def of_text(cls, text: str) -> Pattern:
        """Return a pattern for a plain text, however it begins."""
        pattern = cls(f"literal:{text}")
        pattern.text = text
        return pattern

    @classmethod
    def of(cls, pattern: Pattern | str) -> Pattern:
        """Return a pattern for what callers give."""
        return pattern if isinstance(pattern, Pattern) else cls(pattern)

    def search(self, text: str, begin: int = 0) -> Found | None:
        """Return the first match in a text that begins at an offset or behind it.

        What is before the offset only tells regular expressions whether a line or a word begins there.
        """
        if self.expression is None:
            start = text.find(self.plain, begin)
            return Found(start, start + len(self.plain), self.plain, {}) if start >= 0 else None
        match = self.expression.search(text, begin)
        return Found(match.start(), match.end(), match.group(), match.groupdict()) if match else None

    @property
    def literal(self) -> bool:
        """Whether it is a plain text, of which every match is as long as it is."""
        return self.expression is None

    @property
    def crosses_lines(self) -> bool:
        """Whether a match may hold a line end; yes for every regular expression that does not obviously say no."""
        return self.expression is not None and _LINE_END.search(self.expression.pattern) is not None

    @property
    def overlap(self) -> int:
        """Characters before new output that a match may begin in."""
        return len(self.plain) - 1 if self.expression is None else WINDOW

    def nearest(self, text: str) -> str | None:
        """Return the line of a text that comes closest to the pattern; None if nothing is near."""
        lines = list(dict.fromkeys(line.strip() for line in text.splitlines()[-NEAR_LINES:] if line.strip()))
        if self.expression is not None:
            return _longest_beginning(self.expression.pattern, lines)
        return _most_similar(self.plain, lines)

    def __str__(self) -> str:
        return self.text


def line_ending_with(text: str) -> re.Pattern[str]:
    """Return an expression for the last line of a console, without a line end.

    Args:
        text: What the line ends with, or ``regexp:`` and a regular expression that it matches.

    Raises:
        UsageError: It is no pattern.
    """
    pattern = Pattern(text)
    # The last line alone is looked at, so that the borders of lines are those of the text.
    return re.compile(
        rf"{re.escape(pattern.plain.rstrip())} *$" if pattern.expression is None else pattern.expression.pattern
    )


def _most_similar(text: str, lines: list[str]) -> str | None:
    """Return the line of which some part is most like a text, of equal ones the last; None if nothing is like it."""
    best: tuple[float, str] | None = None
    text = text[:_COMPARED]
    matcher = difflib.SequenceMatcher(None, "", text.lower(), autojunk=False)
    for line in lines:
        matcher.set_seq1(line.lower())
        block = matcher.find_longest_match()
        if block.size < len(text) * _SIMILAR / 2:
            continue
        begin = max(0, block.a - block.b)
        matcher.set_seq1(line[begin : begin + len(text)].lower())
        ratio = matcher.ratio()
        if ratio >= _SIMILAR and (best is None or ratio >= best[0]):
            best = ratio, line
    return best and best[1]


def _longest_beginning(expression: str, lines: list[str]) -> str | None:
    """Return the last line that matches the longest beginning of an expression that matches any line at all."""
    for length in range(len(expression) - 1, 0, -1):
        try:
            beginning = re.compile(expression[:length])
        except re.error:
            continue
        for line in reversed(lines):
            match = beginning.search(line)
            if match and len(match.group()) >= _NEAR_LENGTH:
                return line
    return None
