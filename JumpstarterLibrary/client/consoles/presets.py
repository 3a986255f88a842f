"""Presets of failing patterns: what systems say on their console when they die.

Each entry is a text that the line holds, and a regular expression for that line. A kernel's line begins at the
beginning of a line or behind the bracket of its time, so that neither the echo of a command nor a file that quotes such
a line is taken for one.
"""

from __future__ import annotations

import re

from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.types import FailingPreset

_KERNEL = r"(?:^|\] ?(?:c\d+ )?)"
_ZEPHYR = r"(?:^|: )"

LINUX = (
    ("Kernel panic - not syncing", _KERNEL + r"Kernel panic - not syncing"),
    ("Oops", _KERNEL + r"(?:Internal error: )?Oops(?: - [^:]+)?(?::| \[#\d)"),
    ("Internal error: ", _KERNEL + r"Internal error: \S.*\[#\d+\]"),
    ("BUG", _KERNEL + r"(?:watchdog: |rcu: )?BUG: \S"),
    ("kernel BUG at ", _KERNEL + r"kernel BUG at \S+:\d+!"),
    ("Unable to handle kernel ", _KERNEL + r"Unable to handle kernel \S"),
    ("general protection fault", _KERNEL + r"general protection fault[,:]"),
    ("double fault", _KERNEL + r"(?:PANIC: )?double fault[,:]"),
    ("hard LOCKUP", _KERNEL + r"(?:NMI )?watchdog: Watchdog detected hard LOCKUP on cpu"),
    (" blocked for more than ", _KERNEL + r"INFO: task .+ blocked for more than \d+ seconds"),
    (" stall", _KERNEL + r"(?:rcu: )?INFO: rcu\w* (?:self-detected stall|detected (?:expedited )?stalls) on "),
    ("SError Interrupt on CPU", _KERNEL + r"SError Interrupt on CPU ?\d"),
    ("Unhandled fault: ", _KERNEL + r"Unhandled fault: \S"),
    ("Freezing execution.", _KERNEL + r"systemd\[1\]: Freezing execution\."),
    ("emergency mode", r"^(?:Entering|You are in) emergency mode"),
    ("Dropping to a shell!", r"Dropping to a shell!"),
)

U_BOOT = (
    ("Please RESET the board", r"### ERROR ### Please RESET the board ###"),
    (" handler, esr 0x", r'"(?:[A-Z][A-Za-z ]*)" handler, esr 0x'),
    ("data abort", r"^data abort\b"),
    ("prefetch abort", r"^prefetch abort\b"),
    ("undefined instruction", r"^undefined instruction\b"),
    ("Unhandled exception: ", r"^Unhandled exception: \S"),
    ("resetting ...", r"^resetting \.\.\."),
    ("Resetting CPU ...", r"^Resetting CPU \.\.\."),
    ("initcall ", r"^initcall (?:sequence \S+ )?failed at "),
    ("SPL: ", r"^SPL: (?:failed to boot from all boot devices|Unsupported Boot Device!)"),
    ("ERROR: can't get kernel image!", r"^ERROR: can't get kernel image!"),
    ("Wrong Image ", r"^Wrong Image (?:Format|Type) for "),
    ("Image magic!", r"^Bad Linux \S+ Image magic!"),
    ("Bad Magic Number", r"\bBad Magic Number\b"),
    ("Bad Data ", r"\bBad Data (?:CRC|Hash)\b"),
    ("Flattened Device Tree", r"^ERROR: Did not find a cmdline Flattened Device Tree"),
)

ZEPHYR = (
    ("ZEPHYR FATAL ERROR", _ZEPHYR + r">>> ZEPHYR FATAL ERROR \d+: "),
    (" FAULT *****", _ZEPHYR + r"\*{5} [A-Z ]+ FAULT \*{5}"),
    ("ASSERTION FAIL ", r"(?:^|\s)ASSERTION FAIL \[.*\] @ \S+:\d+"),
    ("Halting system", _ZEPHYR + r"Halting system$"),
    ("***** Kernel ", r"^\*{5} Kernel (?:OOPS|Panic)! \*{5}"),
    ("Stack Check Fail", r"^\*{5} Stack Check Fail! \*{5}"),
)

ANDROID = (
    *LINUX,
    ("FATAL EXCEPTION", r"FATAL EXCEPTION(?: IN SYSTEM PROCESS)?: \S"),
    ("Fatal signal ", r"Fatal signal \d+ \(SIG[A-Z]+\)"),
    ("*** *** *** ***", r"(?:\*{3} ){15}\*{3}"),
    ("WATCHDOG KILLING SYSTEM PROCESS", r"\*\*\* WATCHDOG KILLING SYSTEM PROCESS: "),
    ("InitFatalReboot: signal ", r"init: InitFatalReboot: signal \d+"),
    ("critical process ", r"init: critical process '.+' exited \d+ times"),
    ("process with updatable components ", r"init: process with updatable components '.+' exited \d+ times"),
    (" received signal ", r"init: Service '.+' \(pid \d+\) received signal (?:4|6|7|8|11)\b"),
    ("Exit zygote because system server", r"Exit zygote because system server "),
    ("is corrupted", r"device-mapper: verity: .* is corrupted"),
)

_RESET = re.compile(r"(?:^|;)\s*reset\b.*\n", re.MULTILINE)

MEANT_BY = {"resetting ...": _RESET, "Resetting CPU ...": _RESET}
"""Messages that a typed line provokes, by their texts: that line as it was entered."""

PRESETS = {
    FailingPreset.linux: LINUX,
    FailingPreset.u_boot: U_BOOT,
    FailingPreset.zephyr: ZEPHYR,
    FailingPreset.android: ANDROID,
}


def preset_patterns(preset: FailingPreset) -> list[FailingPattern]:
    """Return the failing patterns of a preset."""
    return [
        FailingPattern(f"{preset.value}: {text.strip()}", re.compile(expression, re.MULTILINE), MEANT_BY.get(text))
        for text, expression in PRESETS[preset]
    ]
