"""The end of a console as a person sees it: the last line, once it stands still."""

from __future__ import annotations

import re

from JumpstarterLibrary.client.consoles.screen import TAIL, LastLines

__all__ = ["EVIDENCE_LINES", "TAIL", "Screen", "seen"]

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

EVIDENCE_LINES = 20


def seen(text: str) -> str:
    """Return a text without control characters, as errors and logs can show it."""
    return _UNSEEN.sub("", text)


class Screen(LastLines):
    """What a board's console shows."""

    @property
    def spoke(self) -> bool:
        """Whether the console has said anything since the last power action."""
        return self._console.end > self.begin

    def evidence(self, since: int | None = None) -> str:
        """Return the last lines as a sentence for an error."""
        begin = self.begin if since is None else since
        text = seen(self._console.shown(max(begin, self._console.end - TAIL))).rstrip("\n")
        if not text.strip():
            return "The console was silent."
        shown = "\n".join(f"  {line}" for line in text.split("\n")[-EVIDENCE_LINES:])
        return f"The last lines were:\n{shown}"
