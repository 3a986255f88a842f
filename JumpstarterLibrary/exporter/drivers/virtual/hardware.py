"""The hardware below the board's software: time, console, medium, switches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.medium import Medium
from JumpstarterLibrary.exporter.drivers.virtual.tty import Tty
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire

BOARD_NAME = "Jumpstarter virtual board"


class BoardActivity(Enum):
    """The activity of a board; the value is the current that it draws, in ampere."""

    OFF = 0.0
    LOADER = 0.38
    BOOTING = 0.72
    IDLE = 0.31
    BUSY = 0.55
    HUNG = 0.81
    HALTED = 0.06


class Restart(Exception):
    """The processor restarts; the power stays on."""


class PowerDown(Exception):
    """The software has stopped for good; the power stays on."""


@dataclass(frozen=True)
class BoardSettings:
    """The settings of one board.

    Attributes:
        noise: Board seconds between unasked kernel lines; 0 for none.
        prompt: The shell's ``PS1``.
        bracketed_paste: Whether the shell switches bracketed paste on before each prompt, as readline does.
        environment: U-Boot variables that differ from the built-in defaults.
        memory: What U-Boot reports as DRAM.
    """

    noise: float = 0.0
    prompt: str = r"\u@\h:\w\$ "
    bracketed_paste: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    memory: str = "1 GiB"


@dataclass
class Hardware:
    """The hardware for one run of the board's software, from power on to power off.

    Attributes:
        flash: U-Boot's variables as ``saveenv`` left them; empty if it never did. Survives power cuts.
        medium_changed: Called when the medium comes or goes; set by the software that cares.
    """

    clock: Clock
    wire: Wire
    medium: Medium
    settings: BoardSettings
    flash: dict[str, str]
    tty: Tty = field(init=False)
    state: BoardActivity = BoardActivity.BOOTING
    medium_changed: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        """Plug the console in."""
        self.tty = Tty(self.wire, self.clock)
