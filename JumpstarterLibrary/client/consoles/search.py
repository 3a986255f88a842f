"""Search the text of a console for several patterns at once, reading each character as few times as possible.

A plain text is searched in what is new and in the few characters before. A regular expression without anything that
stands for a line end is searched from the beginning of the last line on. Any other one may span 64 KiB across new
output: several times a second all of that is searched, and meanwhile only the last lines.

What backspaces have erased is not found, as if it had never been said.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.pattern import WINDOW, Found, Pattern
from JumpstarterLibrary.client.text import places_left

QUICK = 4096
"""Characters before new output that are searched at once for what may span lines."""

THOROUGH_S = 0.05
"""How often all of the window is searched for it."""


@dataclass
class Hit:
    """What was found.

    Attributes:
        index: Of the pattern.
        found: The match; its offsets are those of the history.
    """

    index: int
    found: Found


@dataclass
class _Progress:
    """How far one pattern has been searched.

    Attributes:
        searched: The end of what was searched.
        line: Where the line begins that was the last then.
        thorough: The end of what was searched with all of the window before it.
    """

    pattern: Pattern
    searched: int
    line: int
    thorough: int

    @property
    def quick(self) -> int:
        """Where the next quick search begins."""
        if self.pattern.literal:
            return self.searched - self.pattern.overlap
        return max(self.line, self.searched - (QUICK if self.patient else WINDOW))

    @property
    def patient(self) -> bool:
        """Whether a quick search is not enough."""
        return self.pattern.crosses_lines


class _View:
    """A text as it is searched."""

    def __init__(self, text: str) -> None:
        self._text = text

    def search(self, pattern: Pattern, begin: int) -> Found | None:
        """Return the first match that begins at an offset or behind it."""
        return pattern.search(self._text, begin)


class _Erased(_View):
    """A text as it is seen where backspaces have erased parts of it."""

    def __init__(self, text: str) -> None:
        self._places = places_left(text)
        super().__init__("".join(text[place] for place in self._places))
        self._places.append(len(text))

    def search(self, pattern: Pattern, begin: int) -> Found | None:
        found = pattern.search(self._text, bisect_left(self._places, begin))
        if found is None:
            return None
        # Behind the last character, not where the next one is: what was erased between belongs to what comes.
        end = self._places[found.end - 1] + 1 if found.end > found.start else self._places[found.end]
        return replace(found, start=self._places[found.start], end=end)


class IncrementalSearch:
    """Search a growing text for the first of several patterns.

    Args:
        patterns: What to look for.
        start: The offset from which on.
        read: Returns the text from an offset on, and the offset where that text really begins.
    """

    def __init__(
        self,
        patterns: list[Pattern],
        start: int,
        read: Callable[[int], tuple[int, str]],
    ) -> None:
        self._start = start
        self._read = read
        self._trails = [_Progress(pattern, start, start, start) for pattern in patterns]
        self._looked_at = clock.seconds()

    @property
    def pending_text(self) -> bool:
        """Whether something still has to be searched thoroughly, though nothing new may come."""
        return any(trail.patient and trail.thorough < trail.searched for trail in self._trails)

    def look(self, *, last: bool = False) -> Hit | None:
        """Search what is new; the pattern whose match begins first wins, among equals the one that was given first.

        After a hit the same text is searched again by the next call: the match may have grown.

        Args:
            last: Whether nothing may be left for a later look.
        """
        now = clock.seconds()
        thorough = last or now - self._looked_at >= THOROUGH_S
        if thorough:
            self._looked_at = now
        hit = self._search(thorough)
        if hit is not None and not thorough and any(trail.patient for trail in self._trails):
            # An earlier match may have begun long before.
            hit = self._search(True) or hit
        return hit

    def _search(self, thorough: bool) -> Hit | None:
        begins = [
            trail.thorough - WINDOW if thorough and trail.patient else min(trail.quick, trail.searched)
            for trail in self._trails
        ]
        base, text = self._from(min(begins))
        if "\b" in text:
            # What backspaces have left may have begun anywhere in the line.
            begins = [
                min(begin, max(trail.line, begin - QUICK)) for trail, begin in zip(self._trails, begins, strict=True)
            ]
            base, text = self._from(min(begins))
            view: _View = _Erased(text)
        else:
            view = _View(text)
        best: Hit | None = None
        for index, (trail, begin) in enumerate(zip(self._trails, begins, strict=True)):
            found = view.search(trail.pattern, max(0, begin - base))
            if found and (best is None or base + found.start < best.found.start):
                best = Hit(index, Found(base + found.start, base + found.end, found.text, found.groups))
        if best is None:
            self._advance(base, text, thorough)
        return best

    def _from(self, begin: int) -> tuple[int, str]:
        # One character before, which tells whether a line begins; but where the search began, one may well be meant to.
        return self._read(max(self._start, begin - 1))

    def _advance(self, base: int, text: str, thorough: bool) -> None:
        end, line = base + len(text), base + text.rfind("\n") + 1
        for trail in self._trails:
            trail.searched = max(end, trail.searched)
            if line > base:
                trail.line = max(line, trail.line)
            if thorough:
                trail.thorough = max(end, trail.thorough)
