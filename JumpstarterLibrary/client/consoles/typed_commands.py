"""Fold what is typed to run a command, so that messages show the command in its place; transcripts keep all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from JumpstarterLibrary.client.consoles.command_markers import COMMAND_BEGIN, COMMAND_END
from JumpstarterLibrary.client.consoles.kernel import STAMP

KEPT = 2000
"""Commands that are known; messages show the end of a text."""

_BEGIN = re.compile(rf"\n{COMMAND_BEGIN.pattern}(?=\n|\Z)")
_END = re.compile(rf"(?:(?<=\n)\n)?{COMMAND_END.pattern}(?:\n|\Z)")


@dataclass(frozen=True)
class _TypedCommand:
    begin: int
    end: int
    shown: str


class TypedCommands:
    """The commands that were typed on a console, each between two markers."""

    def __init__(self) -> None:
        self._commands: list[_TypedCommand] = []

    def add(self, begin: int, text: str, command: str) -> None:
        """Take note of a command that was typed and came back, behind those before it.

        Args:
            begin: Its offset in the console's text.
            text: What came back. Messages of the kernel between it are shown.
            command: What is shown in its place.
        """
        kernel = (text[stamp.start() :].partition("\n")[0] for stamp in STAMP.finditer(text))
        shown = "\n".join([command, *kernel])
        self._commands.append(_TypedCommand(begin, begin + len(text), shown))
        del self._commands[:-KEPT]

    def folded(self, text: str, base: int, hidden: Callable[[str, int], str]) -> str:
        """Return a part of the console's text as messages show it.

        Args:
            text: The part.
            base: Its offset.
            hidden: Returns a text that begins at an offset without secrets.
        """
        pieces, at = [], base
        for command in self._commands:
            if at < command.end and command.begin < base + len(text):
                pieces += [hidden(text[at - base : max(at, command.begin) - base], at), hidden(command.shown, base)]
                at = command.end
        pieces.append(hidden(text[at - base :], at))
        return _END.sub("", _BEGIN.sub("", "".join(pieces)))
