"""Messages that tell how far a boot has come; which prompt a board stands at, ``prompts`` tells."""

from __future__ import annotations

import re

from JumpstarterLibrary.client.consoles import prompts

_BANNER = "|".join(
    (
        r"^U-Boot (?:[A-Z]{3} )?(?:20\d\d|\d\.\d)",
        r"^NOTICE: +(?:BL\d|Booting Trusted)",
        r"^barebox 20\d\d\.\d",
        r"^coreboot-\S+ [^\n]*stage starting|^coreboot-\S+ [^\n]*bootblock starting",
        r"^(?:SeaBIOS|UEFI firmware|CFE|DDR|GNU GRUB) +\(?[Vv]ersion|^BdsDxe: ",
        r"^Welcome to GRUB!|^GRUB loading|^iPXE initiali[sz]ing",
        r"^OpenSBI v\d|^RedBoot\(tm\) bootstrap|^HELLO! BOOT0 is starting|^[A-Z]\w+:BL1:",
    )
)
"""The first lines of firmware and boot loaders: U-Boot, TF-A, Barebox, coreboot, SeaBIOS, EDK II, CFE, Rockchip's code
for memory, GRUB, iPXE, OpenSBI, RedBoot, Allwinner's and Amlogic's boot ROMs."""
_CONTROLLERS = r"^ets [A-Z][a-z]{2} +\d+ 20\d\d|^ESP-ROM:|^\*\*\* Booting "
"""The first lines of microcontrollers, which go on without a boot loader that could be stopped: ESP-IDF and Zephyr."""
_KERNEL_BANNER = r"^\[ *0\.0{6}\]|^Linux version \d"
_KERNEL_STARTS = r"^\[ *0\.0{6}\](?:\[[^\]\n]*\])? *(?:Linux version \d|Booting Linux)"
_COUNTDOWN = f"(?i:{prompts.COUNTDOWN.pattern})"
_POWER = (
    r"^resetting \.\.\.|Restarting system(?=\.|$| with )|reboot: machine restart|Rebooting in \d+ sec"
    r"|kexec_core: Starting new kernel|sysrq: Resetting"
)

BANNER = re.compile(
    rf"{_BANNER}|{_CONTROLLERS}|^(?:\[ *0\.0{{6}}\] *)?(?:Linux version \d|Booting Linux)", re.MULTILINE
)
"""The first line of a stage of a boot: what was said before it belongs to the boot before. The bare time of a kernel's
first second is none: all its lines have it, those of an early panic, too."""
FIRMWARE = re.compile(rf"{_BANNER}|{_POWER}", re.MULTILINE)
"""A board restarts, or is in its firmware again."""
RESTART = re.compile(rf"(?P<kernel>{_KERNEL_STARTS})|(?P<power>{_POWER})|{_BANNER}|{_CONTROLLERS}", re.MULTILINE)
"""A board restarts while a command runs: by the first line of a kernel, by the last word of the one before, or by the
first line of its firmware. What a command prints about the present kernel has no time."""
GOING_DOWN = re.compile(
    r"The system is going down\b|The system will (?:reboot|power off|halt) now|procd: - shutdown -"
    r"|^(?:Sent|Sending) SIG(?:TERM|KILL) to all processes|^Requesting system (?:reboot|poweroff|halt)"
    r"|^INIT: (?:Switching to runlevel: [06]|Sending processes)|systemd-shutdown\[\d+\]"
    r"|^\[ +OK +\] (?:Reached target|Stopped target) [^\n]*(?:Shutdown|Reboot|Power-? ?Off|Halt|Final Step|Multi-User)"
    r"|reboot: (?:Power down|System halted)|sysrq: Power\sOff|init: Received sys\.powerctl",
    re.MULTILINE,
)
"""A system goes down, to start again or to be off: of BusyBox, SysV init, systemd, OpenWrt, Android and the kernel."""
KERNEL = re.compile(rf"^Starting kernel \.\.\.|{_KERNEL_BANNER}", re.MULTILINE)
"""The boot loader is left behind."""
BOOT_START = re.compile(rf"{KERNEL.pattern}|{FIRMWARE.pattern}", re.MULTILINE)
"""A new boot begins, or an earlier one was over."""
STARTING = re.compile(rf"{FIRMWARE.pattern}|{_COUNTDOWN}", re.MULTILINE)
"""Its boot loader can be stopped, or soon can."""
BOOTING = re.compile(rf"{_COUNTDOWN}[^\n]*\n\s*\S|{KERNEL.pattern}", re.MULTILINE)
"""It is too late to stop it: the countdown is over, or a kernel speaks."""
SYSTEM = prompts.PARTIAL_LOGIN
"""A system is up, and a name was perhaps typed at its login."""
PANIC_TEXT = "Kernel panic - not syncing"
PANIC = re.compile(PANIC_TEXT)
"""The kernel has died."""
EMERGENCY = re.compile(
    r"^You are in (?:emergency|rescue) mode|^(?:Give root password|Press Enter) for (?:system )?maintenance",
    re.MULTILINE,
)
"""The system is up for maintenance only: systemd's emergency and rescue mode, and sulogin. A shell that follows is not
the system that a test wants, and looks just like it."""
FAILSAFE = re.compile(r"FAILSAFE MODE active|emergency recovery shell launched")
"""A small system for repair is up: OpenWrt's failsafe mode, and the initial RAM file system of Alpine."""
STATE_LOST = re.compile(
    rf"{FIRMWARE.pattern}|{_COUNTDOWN}|\bLinux version \d|Kernel panic|^\[gap \d+\.\d s\]$", re.MULTILINE
)
"""A board is no longer in the state that it was in."""

WORDS = (
    "boot",
    "notice",
    "reset",
    "restart",
    "starting kernel",
    "version",
    "barebox",
    "grub",
    "ipxe",
    "opensbi",
    "bdsdxe",
    ":bl1:",
    "kexec",
    "0.000000",
    "esp-rom",
    "ets ",
    "panic",
    "press",
    "hit ",
    "enter ^c",
)
"""Small letters of which each of these messages holds some, but most output none: a quick look before the others."""
STATE_LOST_WORDS = (*WORDS, "[gap ")
"""The same for ``STATE_LOST``."""
RESTART_WORDS = (
    *(word for word in WORDS if word not in ("panic", "press", "hit ", "enter ^c")),
    *(
        "going down",
        "system will",
        "shutdown",
        "sigterm",
        "sigkill",
        "requesting system",
        "init: ",
        "target",
        "sysrq: ",
    ),
)
"""The same for ``RESTART`` and ``GOING_DOWN``."""

# What ends a command of U-Boot's that was to come back; what ``version`` prints does not.

RESTARTED = re.compile(
    r"^(?:resetting \.\.\.|U-Boot SPL 20\d\d.*|[^=\n]*stop autoboot)|### ERROR ### Please RESET the board ###",
    re.MULTILINE,
)
STARTED = re.compile(r"^Starting kernel \.\.\.", re.MULTILINE)


def maintenance_mode(text: str) -> re.Pattern[str] | None:
    """Return ``EMERGENCY`` or ``FAILSAFE`` if a console has told that its system is in such a mode, and nothing since.

    Args:
        text: What the console has said, with the messages of the kernel.
    """
    told = {pattern: end_of_last(pattern, text) for pattern in (EMERGENCY, FAILSAFE)}
    mode = max(told, key=lambda pattern: told[pattern])
    after = text[told[mode] :]
    return None if told[mode] < 0 or BOOT_START.search(after) or SYSTEM.search(after) else mode


def end_of_last(pattern: re.Pattern[str], text: str) -> int:
    """Return where the last match ends; -1 if there is none."""
    return max((match.end() for match in pattern.finditer(text)), default=-1)
