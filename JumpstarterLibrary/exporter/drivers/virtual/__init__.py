"""The virtual board: a simulated machine that boots what was written to its storage.

    board              the driver, with its children power, storage and console
    machine            power on, boot loader, operating system, power off
    hardware           what the software runs on: clock, wire and tty (the console), medium (the storage)
    uboot              the boot loader: countdown, prompt, commands
    linux              the operating system: kernel log, login, shell, commands, files
    words, script      the command language of both prompts
    image              what boots: `make_image`, or ``python -m JumpstarterLibrary.exporter.drivers.virtual``

Everything runs in one asyncio task per life of the board; a power cut cancels it.
"""

from __future__ import annotations

from JumpstarterLibrary.exporter.drivers.virtual.board import VirtualBoard
from JumpstarterLibrary.exporter.drivers.virtual.image import make_image

__all__ = ["VirtualBoard", "make_image"]
