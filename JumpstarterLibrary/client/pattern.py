"""Patterns to look for on a console, found incrementally."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from JumpstarterLibrary.errors import UsageError

REGEXP_PREFIX = "regexp:"
WINDOW = 64 * 1024
"""Characters that a regular expression may span across new output; older text was searched when it came."""


@dataclass(frozen=True)
class Found:
    """A match, in offsets relative to the searched text."""

    start: int
    end: int
    text: str
    groups: dict[str, str | None]


class Pattern:
    """A literal text, or a regular expression behind the prefix ``regexp:``.

    Args:
        text: What to look for. In regular expressions ``^`` and ``$`` match at line borders.

    Raises:
        UsageError: It is empty, or no valid regular expression.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._regexp: re.Pattern[str] | None = None
        if text.startswith(REGEXP_PREFIX):
            try:
                self._regexp = re.compile(text.removeprefix(REGEXP_PREFIX), re.MULTILINE)
            except re.error as error:
                raise UsageError(
                    f"'{text.removeprefix(REGEXP_PREFIX)}' is not a valid regular expression: {error}."
                ) from error
        if not text.removeprefix(REGEXP_PREFIX):
            raise UsageError("An empty pattern matches everything. Give a text, or regexp: and a regular expression.")

    def search(self, text: str, begin: int = 0) -> Found | None:
        """Return the first match in a text that begins at an offset or behind it.

        What is before the offset only tells regular expressions whether a line or a word begins there.
        """
        if self._regexp is None:
            start = text.find(self.text, begin)
            return Found(start, start + len(self.text), self.text, {}) if start >= 0 else None
        match = self._regexp.search(text, begin)
        return Found(match.start(), match.end(), match.group(), match.groupdict()) if match else None

    @property
    def literal(self) -> bool:
        """Whether it is a plain text, of which every match is as long as it is."""
        return self._regexp is None

    @property
    def overlap(self) -> int:
        """Characters before new output that a match may begin in."""
        return len(self.text) - 1 if self._regexp is None else WINDOW

    def nearest(self, text: str) -> str | None:
        """Return the line of a text that comes closest to a literal pattern; None if nothing is near."""
        if self._regexp is not None:
            return None
        lines = list(dict.fromkeys(line.strip() for line in text.splitlines()[-500:] if line.strip()))
        close = difflib.get_close_matches(self.text, lines, n=1, cutoff=0.6)
        if close:
            return close[0]
        return next((line for line in reversed(lines) if self.text.lower() in line.lower()), None)

    def __str__(self) -> str:
        return self.text
