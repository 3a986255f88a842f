"""Make and find the markers that stand before and behind the output of a command of ``Run Command``.

In what is typed, two quotation marks split each of them, so that no echo is taken for what the shell prints.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from JumpstarterLibrary.client.consoles.kernel import parts_between_messages

PREFIX = "JMP"
"""What each of them begins with: a quick look before the expressions."""

_TOKEN = r"[0-9a-f]{8}"

COMMAND_BEGIN = re.compile(rf"{PREFIX}{_TOKEN}B")
"""The marker before the output: a line of its own."""
COMMAND_END = re.compile(rf"{PREFIX}{_TOKEN}E:\d+:")
"""The marker behind it, with the exit status: what stands below its line is that shell's prompt."""
COMMAND_MARKER = re.compile(rf"{PREFIX}(?P<token>{_TOKEN})(?:B|(?P<end>E:\d+:))")
"""Either of them, with the token of its command."""


def new_token() -> str:
    """Return what tells the markers of one command from those of all others."""
    return secrets.token_hex(4)


def begin_marker(token: str) -> str:
    """Return the marker before the output of a command."""
    return f"{PREFIX}{token}B"


def end_marker(token: str) -> str:
    """Return the marker behind the output of a command, up to the status."""
    return f"{PREFIX}{token}E:"


def as_typed(marker: str) -> str:
    """Return a marker as it is typed in a shell's command."""
    return marker.replace(PREFIX, f'{PREFIX}""', 1)


@dataclass(frozen=True)
class PlacedMarker:
    """A marker in a console's text.

    Attributes:
        token: The token of its command.
        ends: Whether it stands behind the output.
        at: Offset of its begin; for a marker before the output that messages of the kernel have cut, offset of its last
            part: the messages are no output.
    """

    token: str
    ends: bool
    at: int


class MarkerReader:
    """Find markers in new output, also those that messages of the kernel have cut."""

    def __init__(self) -> None:
        self._half, self._half_at = "", 0

    def read(self, text: str, base: int) -> list[PlacedMarker]:
        """Return the markers in new output, in their order.

        Args:
            text: What is new, with the unfinished line before it, in which markers are found again.
            base: The offset of its begin.
        """
        if PREFIX not in text and not self._half:
            return []
        parts = [(self._half_at, self._half), *((base + at, part) for at, part in parts_between_messages(text))]
        found = COMMAND_MARKER.finditer("".join(part for _, part in parts))
        markers = [self._placed(each, parts) for each in found]
        self._keep(text, base)
        return markers

    def _placed(self, found: re.Match[str], parts: list[tuple[int, str]]) -> PlacedMarker:
        ends = found["end"] is not None
        place = found.start() if ends else found.end() - 1
        for begin, part in parts:
            if place < len(part):
                # The last part of a marker before the output may be all that is in this part of the text.
                at = begin + (place if ends else max(0, place - len(found.group()) + 1))
                return PlacedMarker(found["token"], ends, at)
            place -= len(part)
        raise AssertionError("the parts are the text")

    def _keep(self, text: str, base: int) -> None:
        """Keep the part of a marker behind which the last whole line of new output ends with a kernel's message."""
        lines = text[: text.rfind("\n") + 1]
        left = self._half + "".join(part for _, part in parts_between_messages(lines))
        last = left.rpartition("\n")[2]
        if lines.rfind(PREFIX) >= 0:
            self._half_at = base + lines.rfind(PREFIX)
        self._half = last[last.rfind(PREFIX) :] if PREFIX in last else ""
