"""Console bytes as text that can be searched: decoded, without escape sequences, with plain line ends."""

from __future__ import annotations

import codecs
import re

_LONGEST = 250
"""Characters of the longest parameters of an escape sequence; what goes on longer is text."""

# CSI sequences, OSC strings ended by BEL or ST, and the two-byte escapes.
_CSI = rf"\[[0-?]{{0,{_LONGEST}}}[ -/]{{0,{_LONGEST}}}"
_OSC = rf"\][^\x07\x1b]{{0,{_LONGEST}}}"
_ESCAPES = re.compile(rf"\x1b(?:{_CSI}[@-~]|{_OSC}(?:\x07|\x1b\\)|[ -/]{{0,{_LONGEST}}}[0-Z\\^-~])")
_INCOMPLETE = re.compile(rf"\x1b(?:{_CSI}|{_OSC}\x1b?|[ -/]{{0,{_LONGEST}}})?\Z")
_LINE_ENDS = re.compile(r"\r{1,2}\n|\r")
_UNSEEN = re.compile(r"[\x00\x07]")


class Normaliser:
    """Turns chunks of console bytes into searchable text, whatever the chunk borders.

    UTF-8 is decoded with replacement characters, ANSI escape sequences, NUL and BEL vanish, and ``\\r\\n``,
    ``\\r\\r\\n`` and a lone ``\\r`` become ``\\n``. A sequence that a border cuts in two waits for its other half.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._escape = ""
        self._line_end = ""

    def feed(self, data: bytes) -> str:
        """Return the text that some bytes add."""
        text = self._escape + self._decoder.decode(data)
        cut = _begin_of_incomplete_escape(text) if "\x1b" in text else len(text)
        text, self._escape = text[:cut], text[cut:]
        if "\x1b" in text:
            text = _ESCAPES.sub("", text)
        text = self._line_end + text
        cut = len(text) - min(2, len(text) - len(text.rstrip("\r")))
        text, self._line_end = text[:cut], text[cut:]
        if "\r" in text:
            text = _LINE_ENDS.sub("\n", text)
        return _UNSEEN.sub("", text)


def _begin_of_incomplete_escape(text: str) -> int:
    """Return where an escape sequence begins whose rest is still to come; the text's length if there is none."""
    escape = text.rfind("\x1b")
    # An OSC string may end in ESC backslash, of which only the ESC is here.
    opening = text.rfind("\x1b", 0, max(escape, 0))
    for begin in (opening, escape):
        if begin >= 0 and _INCOMPLETE.match(text, begin):
            return begin
    return len(text)


class TextHistory:
    """Text with a beginning that is forgotten: pieces in a row, addressed by offsets that only grow.

    Args:
        limit: Characters that are kept; older ones are dropped piece by piece.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[str] = []
        self._first = 0
        self.start = 0
        self.end = 0

    def append(self, text: str) -> None:
        """Add text at the end."""
        if not text:
            return
        self._pieces.append(text)
        self.end += len(text)
        while self.end - self.start > self._limit and self._first < len(self._pieces) - 1:
            self.start += len(self._pieces[self._first])
            self._pieces[self._first] = ""
            self._first += 1
        if self._first > 4096:
            del self._pieces[: self._first]
            self._first = 0

    def since(self, offset: int) -> str:
        """Return the text from an offset on (from the beginning of what is kept, if that is later)."""
        offset = max(offset, self.start)
        need, found = self.end - offset, []
        if need <= 0:
            return ""
        for piece in reversed(self._pieces):
            found.append(piece)
            need -= len(piece)
            if need <= 0:
                break
        text = "".join(reversed(found))
        return text[-(self.end - offset) :]
