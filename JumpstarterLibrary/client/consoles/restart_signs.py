"""Find the signs in a console's text that a system goes down, or that its board starts anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from JumpstarterLibrary.client.consoles.boot_messages import GOING_DOWN, RESTART, RESTART_WORDS
from JumpstarterLibrary.client.consoles.kernel import without_kernel_messages
from JumpstarterLibrary.client.consoles.pattern_index import WordIndex
from JumpstarterLibrary.client.consoles.prompts import PARTIAL_LOGIN

_SIGN = re.compile(rf"(?P<down>{GOING_DOWN.pattern})|{RESTART.pattern}", re.MULTILINE)
_WORDS = WordIndex(RESTART_WORDS)

_ORDERED = re.compile(
    r"(?:^|[#$>;&] *)(?:sudo +)?(?:/\S*/)?(?:reboot|poweroff|halt|shutdown|(?:tel)?init +[06]"
    r"|systemctl +(?:-\S+ +)*(?:reboot|poweroff|halt|kexec|soft-reboot))\b[^\n]*\Z"
)


@dataclass(frozen=True)
class RestartSign:
    """A line by which a board tells that it restarts.

    Attributes:
        line: The line.
        stage: How far it is: ``down`` while a system goes down, ``power`` at the last word of its kernel, ``kernel`` at
            the first of the next, and ``firmware``.
        behind: What came behind it.
    """

    line: str
    stage: str
    behind: str

    @property
    def begins(self) -> bool:
        """Whether another boot has begun."""
        return self.stage in ("kernel", "firmware")

    @property
    def over(self) -> bool:
        """Whether a login came behind it."""
        return PARTIAL_LOGIN.search(without_kernel_messages(self.behind)) is not None


def restart_signs(text: str, typed: str = "") -> Iterator[RestartSign]:
    """Yield the signs in a text, without those in what was typed.

    Args:
        text: What a console said.
        typed: What was typed meanwhile, and came back.
    """
    for found in _WORDS.matches(_SIGN, text):
        if found.group() not in typed:
            begin, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
            end = len(text) if end < 0 else end
            yield RestartSign(text[begin:end].strip(), found.lastgroup or "firmware", text[end:])


def last_sign(text: str, typed: str = "") -> RestartSign | None:
    """Return the last sign in a text; None if there is none."""
    return next(iter(reversed(list(restart_signs(text, typed)))), None)


def restart_ordered(text: str) -> bool:
    """Whether one of the last two lines of a text is a command by which a system goes down."""
    return any(_ORDERED.search(line.rstrip()) for line in text.rstrip("\n").split("\n")[-2:])
