"""Messages that tell how far a boot has come; which prompt a board stands at, ``consoles.prompts`` tells."""

from __future__ import annotations

import re

from JumpstarterLibrary.client.consoles import prompts
from JumpstarterLibrary.client.consoles.boot_messages import FIRMWARE, KERNEL

_COUNTDOWN = f"(?i:{prompts.COUNTDOWN.pattern})"
STARTING = re.compile(rf"{FIRMWARE.pattern}|{_COUNTDOWN}", re.MULTILINE)
"""Its boot loader can be stopped, or soon can."""
BOOTING = re.compile(rf"{_COUNTDOWN}[^\n]*\n\s*\S|{KERNEL.pattern}", re.MULTILINE)
"""It is too late to stop it: the countdown is over, or a kernel speaks."""
SYSTEM = prompts.PARTIAL_LOGIN
"""A system is up, and a name was perhaps typed at its login."""
PANIC = re.compile(r"Kernel panic - not syncing")
STATE_LOST = re.compile(
    rf"{FIRMWARE.pattern}|{_COUNTDOWN}|\bLinux version \d|Kernel panic|^\[gap \d+\.\d s\]$", re.MULTILINE
)
"""A board is no longer in the state that it was in."""

# What ends a command of U-Boot's that was to come back; what ``version`` prints does not.

RESTARTED = re.compile(
    r"^(?:resetting \.\.\.|U-Boot SPL 20\d\d.*|[^=\n]*stop autoboot)|### ERROR ### Please RESET the board ###",
    re.MULTILINE,
)
STARTED = re.compile(r"^Starting kernel \.\.\.", re.MULTILINE)
