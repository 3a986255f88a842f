"""Messages that begin a boot: of firmware, boot loaders and kernels."""

from __future__ import annotations

import re

FIRMWARE = re.compile(
    r"^U-Boot (?:SPL |TPL )?20\d\d|^NOTICE: +BL\d|^resetting \.\.\.|Restarting system|Rebooting in \d", re.MULTILINE
)
"""A board restarts, or is in its firmware again."""
KERNEL = re.compile(r"^Starting kernel \.\.\.|^\[ *0\.0{6}\]|^Linux version \d", re.MULTILINE)
"""The boot loader is left behind."""
BOOT_START = re.compile(rf"{KERNEL.pattern}|{FIRMWARE.pattern}", re.MULTILINE)
"""A new boot begins, or an earlier one was over."""
BANNER = re.compile(r"^U-Boot (?:SPL |TPL )?20\d\d|^NOTICE: +BL\d|^\[ *0\.0{6}\]|^Linux version \d", re.MULTILINE)
"""The first line of a stage of a boot: what was said before it belongs to the boot before."""
