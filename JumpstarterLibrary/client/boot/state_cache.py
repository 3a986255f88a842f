"""Cache the state of a board, and drop it when a power action or the console invalidates it."""

from __future__ import annotations

from JumpstarterLibrary.client.boot.board import Board
from JumpstarterLibrary.client.boot.model import OFF, UNKNOWN
from JumpstarterLibrary.client.consoles.boot_messages import STATE_LOST, STATE_LOST_WORDS
from JumpstarterLibrary.client.consoles.pattern_index import WordIndex
from JumpstarterLibrary.client.events import BoardStateChanged
from JumpstarterLibrary.printable import printable

_OVERLAP = 256
"""Characters before new output that a line, cut in two by chunks, may begin in."""

_WORDS = WordIndex(STATE_LOST_WORDS)


class StateCache:
    """The state in which a board was last seen, until something happens to the board.

    Args:
        board: The board.

    Attributes:
        reason: Why the state is not known any more; empty if it never was.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._state = UNKNOWN
        self._actions = self._seen = 0
        self.reason = ""

    def learn(self, state: str) -> None:
        """Remember a state that the board was seen in just now."""
        if state != self._state:
            self._emit(state)
        self._state = state
        self._actions = self._board.power_actions
        self._seen = self._board.console.end
        self.reason = ""

    def forget(self, reason: str) -> None:
        """Drop the state, for a reason."""
        if self._state != UNKNOWN:
            self.reason = reason
            self._emit(UNKNOWN, reason)
        self._state = UNKNOWN

    def _emit(self, state: str, reason: str = "") -> None:
        changed = BoardStateChanged(self._board.console.name, self._state, state, reason)
        self._board.device.link.events.emit(changed)

    @property
    def state(self) -> str:
        """The state; ``unknown`` after a power action, a banner of a restart, a panic or a gap of the link."""
        if self._state != UNKNOWN:
            reason = self._what_happened()
            if reason:
                self.forget(reason)
        return OFF if self._state == UNKNOWN and self._board.off else self._state

    def _what_happened(self) -> str:
        console = self._board.console
        if self._board.power_actions != self._actions:
            return "power was switched"
        if self._state == OFF:
            return "" if self._board.off else "it has begun to boot"
        if console.start > self._seen:
            return "the console has said more since then than its history keeps"
        text = console.text(self._seen)
        if fall := next(_WORDS.matches(STATE_LOST, text), None):
            begin, end = text.rfind("\n", 0, fall.start()) + 1, text.find("\n", fall.end())
            said = text[begin : None if end < 0 else end].strip()
            if said.startswith("[gap"):
                return "the link was lost for a while"
            return f"the console said '{printable(console.hidden(said))}'"
        lines = text[:-_OVERLAP].rfind("\n") + 1
        self._seen += max(0, lines)
        return ""
