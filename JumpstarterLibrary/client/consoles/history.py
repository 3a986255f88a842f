"""Console history: text whose beginning is forgotten, addressed by offsets that only grow."""

from __future__ import annotations

from collections import deque

BLOCK = 64 * 1024
"""Characters of a block. Text comes in pieces of any size, also of one character, and is kept in blocks."""

PIECES = 64
"""Pieces that wait to become part of a block before they are joined."""


class TextHistory:
    """The last characters of a text that grows at its end. Not for several threads.

    Args:
        limit: Characters that are kept; older ones are dropped block by block.

    Attributes:
        start: The offset of the first character that is kept.
        end: The offset behind the last character.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._block = max(1, min(BLOCK, limit // 16))
        self._blocks: deque[str] = deque()
        self._pieces: list[str] = []
        self._loose = 0
        self.start = 0
        self.end = 0

    def append(self, text: str) -> None:
        """Add text at the end."""
        if not text:
            return
        self._pieces.append(text)
        self._loose += len(text)
        self.end += len(text)
        if self._loose >= self._block:
            self._blocks.append("".join(self._pieces))
            self._pieces, self._loose = [], 0
        elif len(self._pieces) >= PIECES:
            self._pieces = ["".join(self._pieces)]
        while self.end - self.start > self._limit and len(self._blocks) + bool(self._pieces) > 1:
            self.start += len(self._blocks.popleft())

    def since(self, offset: int) -> str:
        """Return the text from an offset on (from the beginning of what is kept, if that is later)."""
        wanted = need = self.end - max(offset, self.start)
        if need <= 0:
            return ""
        found: list[str] = []
        for pieces in (self._pieces, self._blocks):
            for piece in reversed(pieces):
                found.append(piece)
                need -= len(piece)
                if need <= 0:
                    text = found[0] if len(found) == 1 else "".join(reversed(found))
                    return text[len(text) - wanted :]
        raise AssertionError("the pieces are as long as the text")
