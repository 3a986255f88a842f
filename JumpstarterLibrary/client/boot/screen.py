"""The end of a console as a person sees it: the last line, once it stands still."""

from __future__ import annotations

import re
from typing import TypeVar

from JumpstarterLibrary.client.consoles.screen import TAIL, LastLines
from JumpstarterLibrary.errors import DeviceFailure
from JumpstarterLibrary.hints import Hint

__all__ = ["EVIDENCE_LINES", "TAIL", "Screen", "seen"]

_Failure = TypeVar("_Failure", bound=DeviceFailure)

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

    def failure(
        self, kind: type[_Failure], facts: str, since: int | None = None, *, hint: Hint | None = None
    ) -> _Failure:
        """Return an error with the last lines as evidence; if there are none, it may as well be the cable.

        Args:
            kind: The error's class.
            facts: What was asked and what was found.
            since: Where the last lines begin at most. Default: at the present chapter.
            hint: What to try. Default: nothing.
        """
        begin = self.begin if since is None else since
        return kind(f"{facts} {self.evidence(begin)}", hint=hint, fault=self._console.fault(begin))

    def evidence(self, since: int | None = None) -> str:
        """Return the last lines as a sentence for an error."""
        begin = self.begin if since is None else since
        text = seen(self._console.folded(max(begin, self._console.end - TAIL))).rstrip("\n")
        if not text.strip():
            return "The console was silent."
        shown = "\n".join(f"  {line}" for line in text.split("\n")[-EVIDENCE_LINES:])
        return f"The last lines were:\n{shown}"
