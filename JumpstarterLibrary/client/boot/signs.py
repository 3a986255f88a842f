"""What boards say: the lines that they stand still at, and those that tell how far a boot has come."""

from __future__ import annotations

import re

from JumpstarterLibrary.client.consoles import prompts

# Lines at which a board waits

LOGIN = prompts.LOGIN
NAME = re.compile(r"login: *\S*$", re.IGNORECASE)
"""A login at which somebody has typed something, and not entered it."""
PASSWORD = re.compile(rf"login:[^\n]*\n+[^\n]*{prompts.PASSWORD.pattern}", re.IGNORECASE)
"""A login that asks for the password. Others ask for one, too: ``sudo``, an encrypted disk."""
SECRET = re.compile(r"(?:password|passphrase|passcode|\bpin\b)[^:\n]*: *$", re.IGNORECASE)
"""Whatever is typed there is an attempt, and some allow only three."""
SHELL = prompts.SHELL
CONTINUATION = re.compile(r"^> *$")
"""What U-Boot and shells show when a quote is still open."""

# How far a boot has come

FIRMWARE = re.compile(
    r"^U-Boot (?:SPL |TPL )?20\d\d|^NOTICE: +BL\d|^resetting \.\.\.|Restarting system|Rebooting in \d", re.MULTILINE
)
"""A board restarts, or is in its firmware again."""
COUNTDOWN = re.compile(rf"{FIRMWARE.pattern}|(?i:autoboot)", re.MULTILINE)
"""Its boot loader can be stopped, or soon can."""
KERNEL = re.compile(r"^Starting kernel \.\.\.|^\[ *0\.0{6}\]|^Linux version \d", re.MULTILINE)
"""The boot loader is left behind."""
BOOTING = re.compile(rf"(?i:autoboot)[^\n]*\n\s*\S|{KERNEL.pattern}", re.MULTILINE)
"""It is too late to stop it: the countdown is over, or a kernel speaks."""
CHAPTER = re.compile(rf"{KERNEL.pattern}|{FIRMWARE.pattern}", re.MULTILINE)
"""A new boot begins, or an earlier one was over."""
SYSTEM = re.compile(r"login: *\S*$", re.MULTILINE)
"""A system is up, and somebody has perhaps answered."""
PANIC = re.compile(r"Kernel panic - not syncing")
FALLS = re.compile(
    rf"{FIRMWARE.pattern}|stop autoboot|\bLinux version \d|Kernel panic|^\[gap \d+\.\d s\]$", re.MULTILINE
)
"""A board is no longer in the state that it was in."""

# What ends a command of U-Boot's that was to come back; what ``version`` prints does not.

RESTARTED = re.compile(
    r"^(?:resetting \.\.\.|U-Boot SPL 20\d\d.*|[^=\n]*stop autoboot)|### ERROR ### Please RESET the board ###",
    re.MULTILINE,
)
STARTED = re.compile(r"^Starting kernel \.\.\.", re.MULTILINE)
