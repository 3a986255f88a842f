"""Failing patterns: texts that a console must never say, during any wait of a test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from JumpstarterLibrary.client.consoles.boot_messages import BANNER, PANIC_TEXT
from JumpstarterLibrary.client.pattern import Pattern

PAUSE_S = 0.5
"""Silence after which another hit does not belong to the same trouble any more."""

TROUBLE_S = 30.0
"""How long a trouble lasts at most, if there is no silence."""

LINE_LIMIT = 4096
"""Characters of a line before new output that are searched again."""

_ERASED = re.compile(r"^.*[\x03\x15]|[\x00-\x1f]")
"""What of a typed line is not entered: all before Ctrl-C and Ctrl-U, and other control characters."""


@dataclass(frozen=True)
class FailingPattern:
    """A pattern that fails every wait on a console.

    Attributes:
        name: What messages call it.
        expression: What it looks for in one line.
        needle: A text that every match holds; empty if there is none. It is looked for first, which is quick.
        meant_by: A typed line that means it: what it provokes is no failure. None if no line does.
    """

    name: str
    expression: re.Pattern[str]
    needle: str = ""
    meant_by: re.Pattern[str] | None = None

    @classmethod
    def of(cls, text: str) -> FailingPattern:
        """Return the failing pattern for a text, or for ``regexp:`` and a regular expression.

        Raises:
            UsageError: It is empty, or no valid regular expression.
        """
        pattern = Pattern(text)
        if pattern.expression is None:
            return cls(text, re.compile(re.escape(pattern.plain)), pattern.plain)
        return cls(text, pattern.expression)


@dataclass
class FailureMatch:
    """A match of a failing pattern.

    Attributes:
        pattern: The pattern's name.
        line: Offset of the line's beginning.
        start: Offset of the match.
        since: When it was seen, in seconds of the monotonic clock.
        until: When the console was listened to long enough, in seconds of the monotonic clock.
        close: Offset behind what belongs to it; None until it is known.
    """

    pattern: str
    line: int
    start: int
    since: float
    until: float
    close: int | None = None


@dataclass(frozen=True)
class UnwatchedPanic:
    """A kernel panic that ended no wait, because no failing pattern was registered.

    Attributes:
        start: Offset of the message.
        seen: When it was seen, in seconds of the monotonic clock.
    """

    start: int
    seen: float


@dataclass
class FailurePatternMonitor:
    """Search everything that a console says for failing patterns. Not thread-safe.

    Attributes:
        trace_time: Tells how many seconds a console is listened to after a pattern was seen, so that the whole trace is
            there.
        incident: What was seen and not yet reported.
        panic: The last kernel panic that was said while no pattern was registered.
    """

    trace_time: Callable[[], float]
    incident: FailureMatch | None = None
    panic: UnwatchedPanic | None = None
    _end: str = ""
    _typed: str = ""
    _echoed: bool = False
    _typing: str = ""
    _entered: str = ""
    _meant: int = -1
    _patterns: dict[str, tuple[FailingPattern, ...]] = field(default_factory=dict)
    _line: str = ""
    _last: FailureMatch | None = None
    _heard: float = 0.0

    def register(self, name: str, patterns: Iterable[FailingPattern]) -> None:
        """Look for patterns from now on, under a name by which they can be taken back."""
        self._patterns[name] = tuple(patterns)

    def unregister(self, name: str | None = None) -> bool:
        """Look for some patterns no more, or for none; return whether there were such."""
        if name is None:
            there = bool(self._patterns)
            self._patterns.clear()
        else:
            there = self._patterns.pop(name, None) is not None
        if not self._patterns:
            self.incident, self._last, self._line = None, None, ""
        return there

    def typing(self, line: str) -> None:
        """Take what is said for the echo of a line, as far as it is in it. Empty: nothing is typed any more."""
        if self._echoed:
            self._echoed, self._line = False, ""
        self._typed = line

    def sent(self, text: str) -> None:
        """Take note of what was sent, for patterns that a typed line may mean."""
        *lines, self._typing = (self._typing + text).replace("\r", "\n").split("\n")
        self._typing = self._typing[-LINE_LIMIT:]
        for line in lines:
            entered = _ERASED.sub("", line).strip()
            # What only makes a prompt show itself runs nothing.
            if entered and not entered.startswith("#"):
                self._entered = f"{entered[-LINE_LIMIT:]}\n"

    def restart(self) -> None:
        """Take all output from now on for that of a device that has restarted."""
        self._last, self._line, self._typing, self._entered = None, "", "", ""
        self.panic, self._end = None, ""

    @property
    def names(self) -> list[str]:
        """The names under which patterns are registered."""
        return list(self._patterns)

    def hear(self, text: str, end: int, now: float) -> None:
        """Look at new output.

        Args:
            text: What is new.
            end: The offset behind it.
            now: Seconds of the monotonic clock.
        """
        if not self._patterns:
            self._look_for_panic(text, end, now)
            return
        new = self._line + text
        if self._last is not None:
            new = self._behind(self._last, new, end, now)
        if new:
            self._look(new, end, now)
        self._heard = now
        _, ended, line = text.rpartition("\n")
        self._line = (line if ended else self._line + line)[-LINE_LIMIT:]

    def _look_for_panic(self, text: str, end: int, now: float) -> None:
        new = self._end + text
        at = new.rfind(PANIC_TEXT)
        if at >= 0:
            self.panic = UnwatchedPanic(end - len(new) + at, now)
        self._end = new[1 - len(PANIC_TEXT) :]

    def _behind(self, last: FailureMatch, new: str, end: int, now: float) -> str:
        """Return the part of new output that does not belong to what was seen last; empty if all of it does.

        A trouble ends with a silence behind its trace, with the first line of a new boot, or after ``TROUBLE_S``. What
        comes then is another one, however soon.
        """
        begin = end - len(new)
        if last.close is None and now > last.until:
            last.close = begin + len(self._line)
        banner = next((match for match in BANNER.finditer(new) if begin + match.start() > last.start), None)
        if banner is not None:
            last.close = last.close or begin + banner.start()
            new = new[banner.start() :]
        elif (now <= last.until or now - self._heard <= PAUSE_S) and now - last.since < TROUBLE_S:
            return ""
        self._last = None
        return new

    def _look(self, text: str, end: int, now: float) -> None:
        best: tuple[re.Match[str], FailingPattern] | None = None
        for patterns in self._patterns.values():
            for pattern in patterns:
                match = _found(pattern, text)
                if match is None:
                    continue
                if match.group() in self._typed:
                    self._echoed = True
                elif self._is_meant(pattern, end - len(text) + match.start()):
                    continue
                elif best is None or match.start() < best[0].start():
                    best = match, pattern
        if best is None:
            return
        match, pattern = best
        base = end - len(text)
        line = text.rfind("\n", 0, match.start()) + 1
        self._last = FailureMatch(pattern.name, base + line, base + match.start(), now, now + self.trace_time())
        self.incident = self.incident or self._last

    def _is_meant(self, pattern: FailingPattern, start: int) -> bool:
        """Whether a match is what a typed line means; that line means one, of which the rest may still come."""
        if pattern.meant_by is None:
            return False
        if start != self._meant and pattern.meant_by.search(self._entered):
            self._meant, self._entered = start, ""
        return start == self._meant


def _found(pattern: FailingPattern, text: str) -> re.Match[str] | None:
    if not pattern.needle:
        return pattern.expression.search(text)
    at = text.find(pattern.needle)
    while at >= 0:
        begin, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        # The line's border may be looked at, which ``search`` within a part of the text allows.
        match = pattern.expression.search(text, begin, len(text) if end < 0 else end)
        if match is not None or end < 0:
            return match
        at = text.find(pattern.needle, end)
    return None
