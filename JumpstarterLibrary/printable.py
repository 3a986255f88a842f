"""Show text of unknown origin on terminals, in logs and in reports, where no character of it may act or hide.

A peer, a board or a file may say escape sequences that write to the clipboard, carriage returns and backspaces that
overwrite what stands there, and marks that turn the direction of the text round. All are shown as Python writes them:
``\\x1b``, ``\\r``, ``\\u202e``. What a console said is kept as it was in its transcript.
"""

from __future__ import annotations

import logging
import re

LONGEST = 64 * 1024
"""Characters of one text of a peer that are kept."""

LONGEST_PARAMETERS = 250
"""Characters of the longest parameters of an escape sequence; what goes on longer is text."""

# CSI sequences, OSC strings ended by BEL or ST, and the two-byte escapes. A line end is in none of them.
CSI = rf"\[[0-?]{{0,{LONGEST_PARAMETERS}}}[ -/]{{0,{LONGEST_PARAMETERS}}}"
OSC = rf"\][^\x07\x1b\r\n]{{0,{LONGEST_PARAMETERS}}}"
ESCAPE_SEQUENCE = re.compile(rf"\x1b(?:{CSI}[@-~]|{OSC}(?:\x07|\x1b\\)|[ -/]{{0,{LONGEST_PARAMETERS}}}[0-Z\\^-~])")

_LINE_BREAKS = "\t\n"
_ACTING = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, those of eight bits as well
    r"\xad\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\ufeff\ufff9-\ufffb"  # without a width
    r"\u2028-\u202e\u2066-\u206f"  # line ends and directions of Unicode
    r"\ud800-\udfff\U000e0000-\U000e0fff"  # halves of characters, and tags
)
_UNSAFE = re.compile(f"[{_ACTING}]")
_UNSAFE_IN_LINE = re.compile(f"[{_LINE_BREAKS}{_ACTING}]")


def printable(text: str) -> str:
    """Return a text with the characters as escapes that would act or hide; line feeds and tabs stay.

    Args:
        text: The text, of any length.
    """
    return _UNSAFE.sub(_escape, text)


def printable_line(text: str) -> str:
    """Return a text on one line, with the characters as escapes that would act or hide, line feeds and tabs included.

    Args:
        text: The text: a name, a label. What is beyond 64 Ki characters is cut off, with a mark.
    """
    return _UNSAFE_IN_LINE.sub(_escape, _bounded(text))


def printable_prose(text: str) -> str:
    """Return a text of several lines without its colours and other complete escape sequences, and the rest printable.

    Args:
        text: The text: a log record, the details of an error. What is beyond 64 Ki characters is cut off, with a mark.
    """
    return printable(ESCAPE_SEQUENCE.sub("", _bounded(text).replace("\r\n", "\n")))


class PrintableFormatter(logging.Formatter):
    """Formats log records that quote clients, hooks, drivers and boards, without what acts on a terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines for a record, with its traceback if it has one."""
        return printable_prose(super().format(record))


def _escape(match: re.Match[str]) -> str:
    return repr(match[0])[1:-1]


def _bounded(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
