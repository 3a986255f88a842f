"""Failing patterns: texts that a console must never say, during any wait of a test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from JumpstarterLibrary.client.consoles.boot_messages import PANIC_TEXT
from JumpstarterLibrary.client.consoles.command_markers import MarkerReader
from JumpstarterLibrary.client.consoles.kernel import STAMP
from JumpstarterLibrary.client.consoles.pattern_index import PatternIndex
from JumpstarterLibrary.client.consoles.required_text import RequiredTexts, required_texts
from JumpstarterLibrary.client.consoles.trace import Trace
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.common.values import shown
from JumpstarterLibrary.errors import UsageError

LINE_LIMIT = 4096
"""Characters of a line before new output that are searched again."""

_ERASED = re.compile(r"^.*[\x03\x15]|[\x00-\x1f]")
"""What of a typed line is not entered: all before Ctrl-C and Ctrl-U, and other control characters."""

_CLASS = re.compile(r"(?<!\\)((?:\\\\)*)\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
_LINE_END = re.compile(r"(?:[\r\n]|(?<!\\)(?:\\\\)*\\[nr])(?![?*]|\{0?,)")
"""A line end that an expression needs, outside of classes: as it is, or as an escape."""


@dataclass(frozen=True)
class FailingPattern:
    """A pattern that fails every wait on a console.

    Attributes:
        name: What messages call it.
        expression: What it looks for in one line.
        meant_by: A typed line that means it: what it provokes is no failure. None if no line does.
    """

    name: str
    expression: re.Pattern[str]
    meant_by: re.Pattern[str] | None = None

    @classmethod
    def of(cls, text: str) -> FailingPattern:
        """Return the failing pattern for a text, or for ``regexp:`` and a regular expression.

        Raises:
            UsageError: It is empty, no valid regular expression, matches an empty line, or needs more than one line.
        """
        pattern = Pattern(text)
        expression = pattern.expression or re.compile(re.escape(pattern.plain))
        if expression.search(""):
            raise UsageError(
                f"{shown(text)} matches an empty line, and every console has some. Give an expression that needs some "
                f"text."
            )
        if _LINE_END.search(_CLASS.sub("", expression.pattern)):
            raise UsageError(
                f"{shown(text)} holds a line end, and failing patterns are looked for within a line. Give the text or "
                f"expression for one of the lines."
            )
        return cls(text, expression)

    @cached_property
    def required(self) -> RequiredTexts:
        """The texts of which every match holds one; they are looked for first."""
        return required_texts(self.expression)

    @cached_property
    def _places(self) -> re.Pattern[str]:
        """Finds a place in each line that may match."""
        texts = "|".join(map(re.escape, sorted(self.required.texts))) or "^"
        return re.compile(texts, re.MULTILINE | (re.IGNORECASE if self.required.folded else 0))

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches in the lines of a text."""
        if not self.required.texts and self.expression.search(text) is None:
            return
        end = -1
        for place in self._places.finditer(text):
            if place.start() > end:
                begin, end = text.rfind("\n", 0, place.start()) + 1, text.find("\n", place.start())
                end = len(text) if end < 0 else end
                # The line's border may be looked at, which ``finditer`` within a part of the text allows.
                yield from self.expression.finditer(text, begin, end)


def _is_newer(line: str, time: float) -> bool:
    stamp = STAMP.search(line)
    return stamp is not None and float(stamp[1]) > time


def _blank(line: str) -> str:
    return " " * (len(line) - 1) + "\n"


@dataclass
class _CommandOutput:
    """The output of a command that was run in a shell.

    Attributes:
        token: What its markers hold.
        begin: Offset of the marker before it.
        end: Offset of the marker behind it, which has the status; None while the command runs.
    """

    token: str
    begin: int
    end: int | None = None


@dataclass(frozen=True)
class FailureMatch:
    """A match of a failing pattern.

    Attributes:
        pattern: The pattern's name.
        line: Offset of the line's beginning.
        start: Offset of the match.
        trace: What belongs to it.
        command: The running command whose output it may be; None if it certainly is not.
    """

    pattern: str
    line: int
    start: int
    trace: Trace
    command: _CommandOutput | None = None


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
        trace_silence: Tells after how many seconds of silence a trace is whole.
        is_live: Tells whether a line is a message that the kernel printed at some second, and not an old one.
        incident: What was seen and not yet reported.
        panic: The last kernel panic that was said while no pattern was registered.
    """

    trace_silence: Callable[[], float]
    is_live: Callable[[str, float], bool] = lambda _line, _now: False
    incident: FailureMatch | None = None
    panic: UnwatchedPanic | None = None
    _end: str = ""
    _typed: str = ""
    _echoed: bool = False
    _typing: str = ""
    _entered: str = ""
    _meant: int = -1
    _patterns: dict[str, tuple[FailingPattern, ...]] = field(default_factory=dict)
    _index: PatternIndex[FailingPattern] = field(default_factory=PatternIndex)
    _line: str = ""
    _last: FailureMatch | None = None
    _told: int = 0
    _command: _CommandOutput | None = None
    _begun: str = ""
    _markers: MarkerReader = field(default_factory=MarkerReader)

    def register(self, name: str, patterns: Iterable[FailingPattern]) -> None:
        """Look for patterns from now on, under a name by which they can be taken back."""
        self._patterns[name] = tuple(patterns)
        self._reindex()

    def unregister(self, name: str | None = None) -> bool:
        """Look for some patterns no more, or for none; return whether there were such."""
        if name is None:
            there = bool(self._patterns)
            self._patterns.clear()
        else:
            there = self._patterns.pop(name, None) is not None
        if not self._patterns:
            self.incident, self._last, self._line = None, None, ""
        self._reindex()
        return there

    def _reindex(self) -> None:
        patterns = [pattern for patterns in self._patterns.values() for pattern in patterns]
        self._index = PatternIndex([(pattern, pattern.required) for pattern in patterns])

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
        self._last, self._line, self._typing, self._entered, self._command = None, "", "", "", None
        self.panic, self._end, self._markers = None, "", MarkerReader()

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
        self._follow_command(new, end - len(new))
        if self._last is not None:
            self._last.trace.hear(new, end, now)
            if self._last.trace.closed:
                # What comes now is another trouble, however soon.
                self._told = self._last.trace.end
                self._last = None
        if self._last is None:
            self._look(new, end, now)
        cut = text.rfind("\n") + 1
        self._line = (text[cut:] if cut else new)[-LINE_LIMIT:]

    def _look_for_panic(self, text: str, end: int, now: float) -> None:
        new = self._end + text
        at = new.rfind(PANIC_TEXT)
        base = end - len(new)
        if at >= 0:
            self.panic, self._begun = UnwatchedPanic(base + at, now), ""
        for marker in self._markers.read(new, base):
            if self.panic is None or marker.at < self.panic.start:
                continue
            if not marker.ends:
                self._begun = marker.token
            elif marker.token != self._begun:
                self.panic = None  # a command that began before it printed it
        self._end = new[new.rfind("\n") + 1 :][-LINE_LIMIT:]

    def _follow_command(self, text: str, base: int) -> None:
        """Look where the output of a command begins and ends; forget what was seen in it once it has ended."""
        for marker in self._markers.read(text, base):
            command = self._command
            if not marker.ends:
                if command is None or command.begin != marker.at:
                    self._command = _CommandOutput(marker.token, marker.at)
            elif command is not None and command.token == marker.token and command.end is None:
                command.end = marker.at
                # A message of the kernel may have cut the marker.
                if self.incident is not None and self.incident.command is command and self.incident.start < marker.at:
                    self.incident = None
                if self._last is not None and self._last.command is command and self._last.start < marker.at:
                    self._last, self._told = None, marker.at

    def look_again(self, text: str, begin: int, newer_than: float, now: float) -> None:
        """Look at the output of a command that has ended for messages of the kernel's, now that its time is known.

        Args:
            text: The output.
            begin: The offset of its beginning.
            newer_than: The time of the kernel that its own messages are newer than; older ones are output.
            now: Seconds of the monotonic clock.
        """
        if not self._patterns or self.incident is not None:
            return
        own = "".join(line if _is_newer(line, newer_than) else _blank(line) for line in text.splitlines(keepends=True))
        self._command, self._told = None, begin
        self._look(own, begin + len(own), now)

    def _look(self, text: str, end: int, now: float) -> None:
        best: tuple[re.Match[str], FailingPattern] | None = None
        base = end - len(text)
        for pattern in self._index.candidates(text):
            for match in pattern.matches(text):
                if best is not None and match.start() >= best[0].start():
                    break
                if base + match.start() >= self._told and not self._is_excused(match, pattern, base, now):
                    best = match, pattern
                    break
        if best is None:
            return
        match, pattern = best
        line, start = base + text.rfind("\n", 0, match.start()) + 1, base + match.start()
        command = self._command_of(match, start, now)
        self._last = FailureMatch(pattern.name, line, start, Trace(start, now, self.trace_silence()), command)
        self._last.trace.hear(text, end, now)
        self.incident = self.incident or self._last

    def _is_excused(self, match: re.Match[str], pattern: FailingPattern, base: int, now: float) -> bool:
        """Whether a match is in the echo of what is typed, in a command's output, or is what a typed line means."""
        if match.group() in self._typed:
            self._echoed = True
            return True
        command = self._command_of(match, base + match.start(), now)
        return (command is not None and command.end is not None) or self._is_meant(pattern, base + match.start())

    def _command_of(self, match: re.Match[str], start: int, now: float) -> _CommandOutput | None:
        """Return the command in whose output a match is; None for one outside, and for a message of the kernel's."""
        command, text = self._command, match.string
        if command is None or start < command.begin or (command.end is not None and start > command.end):
            return None
        line = text[text.rfind("\n", 0, match.start()) + 1 :].partition("\n")[0]
        return None if self.is_live(line, now) else command

    def _is_meant(self, pattern: FailingPattern, start: int) -> bool:
        """Whether a match is what a typed line means; that line means one, of which the rest may still come."""
        if pattern.meant_by is None:
            return False
        if start != self._meant and pattern.meant_by.search(self._entered):
            self._meant, self._entered = start, ""
        return start == self._meant
