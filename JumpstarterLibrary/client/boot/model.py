"""States, the ways between them, and the shortest path."""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from JumpstarterLibrary.client.consoles.keyboard import COMMENT, ERASE
from JumpstarterLibrary.client.consoles.prompts import Prompt, PromptKind

if TYPE_CHECKING:
    from JumpstarterLibrary.client.boot.context import Context

OFF, BOOTLOADER, LOGIN, SHELL = "off", "bootloader", "login", "shell"
PRESS_ENTER = "press-enter"
"""A board that waits for the Enter key before it starts a shell."""
INITRAMFS = "initramfs"
"""A board whose root file system was not mounted, at the shell of its initial RAM file system."""
EMERGENCY = "emergency"
"""A board whose system is up for maintenance only: in systemd's emergency or rescue mode, or at sulogin."""
RECOVERY = "recovery"
"""A board in a small system for installation or repair."""
MCU_SHELL = "mcu-shell"
"""A board at the command prompt of firmware or of an interpreter, which is no POSIX shell."""
UNKNOWN = "unknown"
STARTING = "starting"
"""A board on its way through its firmware: nothing may be typed yet. Users are told ``unknown``."""
BOOTING = "booting"
"""A board whose system comes up. Users are told ``unknown``."""

OTHERS = {
    PromptKind.PRESS_ENTER: PRESS_ENTER,
    PromptKind.INITRAMFS: INITRAMFS,
    PromptKind.MAINTENANCE: EMERGENCY,
    PromptKind.RECOVERY: RECOVERY,
    PromptKind.MCU_SHELL: MCU_SHELL,
}
"""The states that are told by their prompts alone, where nothing is typed."""

BUILTIN = (OFF, BOOTLOADER, LOGIN, SHELL, *OTHERS.values())
"""The states that every board may be in."""

ANY = "any"
"""As the source of a way: all states, and an unknown one."""

NUDGE = ERASE + COMMENT
"""What makes a prompt show itself again: what was typed there is forgotten, and a comment is entered."""

STEP_S = 60.0


@dataclass(frozen=True)
class State:
    """A state in which a board stands still.

    Attributes:
        name: Its name.
        detect: What the last line on the console looks like then; or whether a text shows it.
        nudge: What is typed to see that it is there; None for nothing.
        probe: A further look at what answered so: returns why it is not in that state, with or without a reason, and
            None if it is.
        ended: Whether a line that has ended shows it, too, when nothing follows.
    """

    name: str
    detect: re.Pattern[str] | Callable[[str], bool]
    nudge: bytes | None = NUDGE
    probe: Callable[[Context], str | None] = field(default=lambda _: None, compare=False)
    ended: bool = False

    def shown(self, text: str) -> bool:
        """Return whether the end of a console's text shows it."""
        if not isinstance(self.detect, re.Pattern):
            return self.detect(text)
        lines = text.split("\n")
        while self.ended and len(lines) > 1 and not lines[-1].strip():
            lines.pop()
        return self.detect.search(lines[-1]) is not None


def state_at(prompt: Prompt) -> str:
    """Return the state of a board that stands at a prompt; ``unknown`` for a boot loader that is not the configured."""
    if prompt.configured:
        return BOOTLOADER
    if prompt.asks_for_login or prompt.kind is PromptKind.LOGIN_PASSWORD:
        return LOGIN
    return SHELL if prompt.may_be_shell else OTHERS.get(prompt.kind, UNKNOWN)


@dataclass(frozen=True)
class TransitionRule:
    """A rule that leads from one state to another: a way.

    Attributes:
        source: Where it begins; ``ANY`` for anywhere.
        target: Where it leads.
        act: Does it; returns where it led if that is known, else None.
        cost: How far it is; the shortest path has the least.
        timeout: Seconds that it may take.
    """

    source: str
    target: str
    act: Callable[[Context], str | None] = field(compare=False)
    cost: float = 2.0
    timeout: float = STEP_S

    def __str__(self) -> str:
        return f"'{self.source}' to '{self.target}'"


def shortest_path(
    ways: Iterable[TransitionRule], source: str, target: str, avoid: Sequence[str] = ()
) -> list[TransitionRule] | None:
    """Return the ways from one state to another with the least cost in all; None if there are none.

    Args:
        ways: All there are. Of two between the same states, the later one is meant.
        source: Where it begins.
        target: Where it ends.
        avoid: States that it must not lead to.
    """
    latest = {(way.source, way.target): way for way in ways if way.target not in avoid}
    order = itertools.count()
    queue: list[tuple[float, int, str, list[TransitionRule]]] = [(0.0, next(order), source, [])]
    seen: set[str] = set()
    while queue:
        cost, _, state, path = heapq.heappop(queue)
        if state == target:
            return path
        if state in seen:
            continue
        seen.add(state)
        for way in latest.values():
            if way.source in (state, ANY) and way.target != state:
                heapq.heappush(queue, (cost + way.cost, next(order), way.target, [*path, way]))
    return None
