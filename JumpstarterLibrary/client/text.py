"""Console bytes as text that can be searched: decoded, without escape sequences, with plain line ends."""

from __future__ import annotations

import codecs
import re

from JumpstarterLibrary.printable import CSI, ESCAPE_SEQUENCE, LONGEST_PARAMETERS, OSC

_INCOMPLETE = re.compile(rf"\x1b(?:{CSI}|{OSC}\x1b?|[ -/]{{0,{LONGEST_PARAMETERS}}})?\Z")

_BEFORE_STAMP = re.compile(r"\r{1,2}(?=(?:<\d{1,3}>)?\[ *\d+\.\d{6}[\]@s])")
_UNDECIDED = re.compile(r"\r{1,2}(?:<\d{0,3}|(?:<\d{1,3}>)?(?:\[ {0,8}\d{0,12}(?:\.\d{0,6})?)?)\Z")
_LONGEST_UNDECIDED = 32


class Normaliser:
    """Turns chunks of console bytes into searchable text, independent of the chunk borders.

    UTF-8 is decoded with replacement characters, ANSI escape sequences, NUL and BEL vanish, and ``\\r\\n``,
    ``\\r\\r\\n`` and a lone ``\\r`` become ``\\n``. A ``\\r`` before the time of a kernel message vanishes: it belongs
    to a line end that the message has cut in two. A sequence that a border cuts waits for its other half.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._escape = ""
        self._line_end = ""

    @property
    def pending(self) -> str:
        """An escape sequence of which only the begin has come; empty if there is none."""
        return self._escape

    def feed(self, data: bytes) -> str:
        """Return the text that some bytes add."""
        text = self._escape + self._decoder.decode(data)
        self._escape = ""
        if "\x1b" in text:
            cut = _begin_of_incomplete_escape(text)
            text, self._escape = ESCAPE_SEQUENCE.sub("", text[:cut]), text[cut:]
        text = self._line_end + text
        self._line_end = ""
        if "\r" in text:
            undecided = _UNDECIDED.search(text, max(0, len(text) - _LONGEST_UNDECIDED))
            if undecided is not None:
                text, self._line_end = text[: undecided.start()], undecided.group()
            text = _with_plain_line_ends(text)
        if "\x00" in text or "\x07" in text:
            text = text.replace("\x00", "").replace("\x07", "")
        return text


def without_escapes(text: str) -> str:
    """Return a text without escape sequences, NUL and BEL; one that is cut at its end is left out, too."""
    return ESCAPE_SEQUENCE.sub("", text[: _begin_of_incomplete_escape(text)]).replace("\x00", "").replace("\x07", "")


def without_erased(text: str) -> str:
    """Return a text without what backspaces have erased in its lines, and without the backspaces."""
    if "\b" not in text:
        return text
    return "\n".join(
        "".join(line[index] for index in _left(line)) if "\b" in line else line for line in text.split("\n")
    )


def places_left(text: str) -> list[int]:
    """Return where the characters of a text are that backspaces leave of it."""
    places: list[int] = []
    begin = 0
    for line in text.split("\n"):
        places += (begin + index for index in _left(line))
        begin += len(line) + 1
        places.append(begin - 1)
    return places[:-1]


def _left(line: str) -> list[int]:
    """Return where the characters of a line are that backspaces leave of it."""
    left: list[int] = []
    for index, character in enumerate(line):
        if character != "\b":
            left.append(index)
        elif left:
            left.pop()
    return left


def _with_plain_line_ends(text: str) -> str:
    # Once for CR LF; then CR CR LF looks the same. Plain replacements are ten times as fast as one expression.
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        text = _BEFORE_STAMP.sub("", text.replace("\r\n", "\n")).replace("\r", "\n")
    return text


def _begin_of_incomplete_escape(text: str) -> int:
    """Return where an escape sequence begins whose rest is still to come; the text's length if there is none."""
    escape = text.rfind("\x1b")
    # An OSC string may end in ESC backslash, of which only the ESC is here.
    opening = text.rfind("\x1b", 0, max(escape, 0))
    for begin in (opening, escape):
        if begin >= 0 and _INCOMPLETE.match(text, begin):
            return begin
    return len(text)
