"""Settings and context of a change of state."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from JumpstarterLibrary.client.boot.board import Board
from JumpstarterLibrary.client.boot.interrupt import Interruption
from JumpstarterLibrary.client.deadline import Deadline

USER = "root"


@dataclass(frozen=True)
class BootSettings:
    """Settings of how a board boots.

    Attributes:
        interruption: How its boot loader is stopped.
        commands: What starts a system from the boot loader's prompt; None if the board does that by itself, or on
            ``boot``.
        off_time: Seconds without power in a power cycle; None for what the board's timing says.
        user: Who logs in.
        password: With which password; None for none.
        prompt: The boot loader's prompt; None for what the U-Boot driver tells.
        power: Path of the power driver; None for the only one.
        login_prompt: The line at which a login asks for the user, beside those that are known anyway; None for none.
        password_prompt: The line at which a login asks for the password, likewise.
        line_end: What the board takes for Enter; None for a line feed, until another is known.
    """

    interruption: Interruption = field(default_factory=Interruption)
    commands: tuple[str, ...] | None = None
    off_time: float | None = None
    user: str = USER
    password: str | None = field(default=None, repr=False)
    prompt: str | None = None
    power: str | None = None
    login_prompt: re.Pattern[str] | None = None
    password_prompt: re.Pattern[str] | None = None
    line_end: bytes | None = None


@dataclass(frozen=True)
class Context:
    """One change of state.

    Attributes:
        board: The board.
        settings: How it boots.
        deadline: Until when.
    """

    board: Board
    settings: BootSettings
    deadline: Deadline
