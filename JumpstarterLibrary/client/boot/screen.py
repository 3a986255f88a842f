"""The end of a console as a person sees it: the last line, once it stands still."""

from __future__ import annotations

import re
from collections.abc import Callable

from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.kernel import without_kernel_messages
from JumpstarterLibrary.client.deadline import Deadline

SETTLE_S = 0.15
"""A line that looks like a prompt is one when nothing follows for so long."""

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BEGUN = re.compile(r"\[ *\d+(?:\.\d*)?$")
"""A kernel message of which only the begin has come."""

TAIL = 64 * 1024
EVIDENCE_LINES = 20


def seen(text: str) -> str:
    """Return a text without control characters, as errors and logs can show it."""
    return _UNSEEN.sub("", text)


class Screen:
    """What a console shows.

    Args:
        console: The console.
        begin: Returns where the present chapter begins: at the last power action. Default: what the console takes for
            that, for which all power drivers of a device are the same.
    """

    def __init__(self, console: Console, begin: Callable[[], int] | None = None) -> None:
        self._console = console
        self._begin = begin or (lambda: console.marks.get("power_on", 0))

    @property
    def begin(self) -> int:
        """Where the present chapter begins."""
        return self._begin()

    @property
    def spoke(self) -> bool:
        """Whether the console has said anything since the last power action."""
        return self._console.end > self.begin

    def text(self, since: int | None = None) -> str:
        """Return the last lines without kernel messages, which come in the middle of anything.

        Args:
            since: An offset to begin at. Default: as far back as matters, at most to the last power action.
        """
        begin = self.begin if since is None else since
        start = max(begin, self._console.end - TAIL)
        text = self._console.text(start)
        # A window that begins in the middle of a line would change with every message.
        return _BEGUN.sub("", without_kernel_messages(text if start == begin else text.partition("\n")[2]))

    def line(self, since: int | None = None) -> str:
        """Return the last line as it is now."""
        return self.text(since).rpartition("\n")[2]

    def changes(self, limit: float, deadline: Deadline) -> bool:
        """Wait until the console says anything but kernel messages; return whether it did within some seconds."""
        before, pause = self.text(), Deadline(deadline.at_most(limit))
        while not pause.expired:
            if self._console.wait_for_output(pause) and self.text() != before:
                return True
        return False

    def settled(self, deadline: Deadline, since: int | None = None) -> str | None:
        """Return the text once the console pauses; None if it does not until the deadline."""
        while True:
            whole = deadline.at_most(SETTLE_S) == SETTLE_S
            if not self.changes(SETTLE_S, deadline):
                return self.text(since) if whole else None

    def evidence(self, since: int | None = None) -> str:
        """Return the last lines as a sentence for an error."""
        begin = self.begin if since is None else since
        text = seen(self._console.shown(max(begin, self._console.end - TAIL))).rstrip("\n")
        if not text.strip():
            return "The console was silent."
        shown = "\n".join(f"  {line}" for line in text.split("\n")[-EVIDENCE_LINES:])
        return f"The last lines were:\n{shown}"
