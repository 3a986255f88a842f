"""Tell how far a boot has come, line by line as a console says it, for the event log."""

from __future__ import annotations

from collections.abc import Callable

from JumpstarterLibrary.client.consoles import prompts
from JumpstarterLibrary.client.consoles.boot_messages import FIRMWARE, KERNEL, PANIC, WORDS
from JumpstarterLibrary.client.consoles.pattern_index import WordIndex
from JumpstarterLibrary.client.events import BootPhaseReached, Events

LINE_LIMIT = 200
"""Characters of a line that are looked at and told."""

_WORDS = WordIndex(WORDS)


class BootPhases:
    """The phases of a board's boots, as its console tells them: firmware, countdown, kernel, login or panic.

    Args:
        console: The console's name.
        events: Where the events go.
        hide: Returns a line without secrets.
    """

    def __init__(self, console: str, events: Events, hide: Callable[[str], str] = lambda line: line) -> None:
        self._console, self._events, self._hide = console, events, hide
        self._phase = ""
        self._tail = ""

    def feed(self, text: str) -> None:
        """Take what a console has said next."""
        if not self._events.wanted(BootPhaseReached):
            return
        lines, end, tail = (self._tail + text).rpartition("\n")
        self._tail = tail[:LINE_LIMIT]
        for first, last in _WORDS.lines(lines + end):
            line = lines[first:last]
            self._reach(_phase_of(line[:LINE_LIMIT]), line)
        # A countdown has no line end before it is over.
        if _WORDS.places(self._tail):
            self._reach("countdown" if prompts.COUNTDOWN.search(self._tail) else "", self._tail)
        if prompts.PARTIAL_LOGIN.search(self._tail):
            self._reach("login", self._tail)

    def _reach(self, phase: str, line: str) -> None:
        if phase and phase != self._phase:
            self._phase = phase
            self._events.emit(BootPhaseReached(self._console, phase, self._hide(line.strip())[:LINE_LIMIT]))


def _phase_of(line: str) -> str:
    """Return the phase of which a line tells; empty if it tells of none."""
    if FIRMWARE.search(line):
        return "firmware"
    if KERNEL.search(line):
        return "kernel"
    if PANIC.search(line):
        return "panic"
    return "countdown" if prompts.COUNTDOWN.search(line) else ""
