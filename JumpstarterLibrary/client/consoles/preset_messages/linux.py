"""Messages of Linux.

Those of the kernel begin where such a message can: at the beginning of a line, behind its time, or behind a prompt that
it was printed over. So neither the echo of a command nor a file that quotes one is taken for it. Warnings are none, and
neither is what the kernel says about programs: their faults are theirs.
"""

from __future__ import annotations

from JumpstarterLibrary.client.consoles.kernel import MESSAGE_BEGIN
from JumpstarterLibrary.client.consoles.preset_messages.message import FailingMessage


def _kernel(name: str, meaning: str, expression: str) -> FailingMessage:
    return FailingMessage(name, meaning, f"{MESSAGE_BEGIN}(?:{expression})")


_INTO_LINE = r"(?:[^\s\"'`(\[{<>=:|/*]|\.\. )"
"""What stands before a panic of a kernel without times that breaks a line off: no blank, which a quotation has."""

_STATUS = r"(?:^|\] )"
"""Where systemd's messages begin, with and without their status before them."""

LINUX = (
    FailingMessage(
        "Kernel panic - not syncing",
        "a panic, for any reason",
        # Its last line, too: the first may be printed into a line that says something else.
        rf"(?:{MESSAGE_BEGIN}|{_INTO_LINE}|^---\[ end )Kernel panic - not syncing",
    ),
    _kernel(
        "Oops",
        "a fault in the kernel's own code, on any processor",
        r"(?:\S{1,64}\(\d+\): )?Oops(?: - [^:\n]{0,99})?(?::[^\n]{0,99}\[#\d+\]| ?\[#\d+\]"
        r"|: [0-9a-f]{4,16}\b|: [^\n]{0,99}\bsig: \d)",
    ),
    _kernel(
        "Internal error:", "a fault in the kernel's own code on ARM and ARM64", r"Internal error: [^\n]{0,99}\[#\d+\]"
    ),
    _kernel("general protection fault", "a bad access by the kernel on x86", r"general protection fault[,:]"),
    _kernel("double fault", "a fault while a fault was handled", r"(?:traps: )?(?:PANIC: )?double fault[,:]"),
    _kernel(
        "exception [#1]",
        "such a fault, by the name of the exception: invalid opcode, Reserved instruction in kernel code, ...",
        r"[A-Za-z][^\n\[]{2,120}: [0-9a-f]{4}(?: ilc:\d)? \[#\d+\]|[A-Z][^\n\[\]]{2,80}[^\s\[\]]\[#\d+\]:"
        r"|[A-Za-z][^\n\[]{2,120}\bsig: \d+ \[#\d+\]|Kernel BUG \[#\d+\]",
    ),
    _kernel(
        "BUG",
        "bad accesses, soft lockups, sleeping in the wrong place, corrupt memory, and what KASAN and its like find",
        r"(?:NMI )?(?:watchdog: |rcu: )?BUG: (?!MAX_|\d+ unexpected)\S"
        r"|BUG \S{1,64} \((?:Not tainted|Tainted: [^)\n]{0,99})\): ",
    ),
    _kernel("kernel BUG at", "a check of the kernel's failed", r"[kK]ernel BUG at \S"),
    _kernel("Unable to handle kernel", "a bad access by the kernel", r"(?:CPU \d+ )?Unable to handle kernel \S"),
    _kernel(
        "hard LOCKUP",
        "a processor that takes no interrupts any more",
        r"(?:NMI )?(?:watchdog: )?(?:(?:CPU\d+: )?Watchdog detected hard LOCKUP on cpu"
        r"|CPU \d+ (?:self-)?detected hard LOCKUP|CPU \d+ Hard LOCKUP)",
    ),
    _kernel(
        "blocked for more than",
        "a hung task",
        r"INFO: task \S.{0,99} blocked (?:in I/O wait )?for more than \d+ seconds",
    ),
    _kernel(
        "stall",
        "a processor or task that holds up RCU",
        r"(?:rcu: )?INFO: s?rcu\w* (?:self-)?(?:detected )?(?:expedited )?stalls? on ",
    ),
    _kernel("SError Interrupt on CPU", "an error of the system bus on ARM64", r"SError Interrupt on CPU ?\d"),
    _kernel("Bad mode in", "an exception that ARM's kernel has no handler for", r"Bad mode in [\w ]+ handler detected"),
    _kernel(
        "Unhandled exception on CPU",
        "an exception that ARM64's kernel has no handler for",
        r"Unhandled [\w -]+ exception on CPU ?\d+, ESR 0x",
    ),
    _kernel("Insufficient stack space", "a stack overflow", "Insufficient stack space to handle exception!"),
    _kernel("VFS", "the root cannot be mounted", r"VFS: (?:Cannot open root device|Unable to mount root fs)"),
    FailingMessage(
        "Freezing execution.",
        "systemd has died, or cannot go on",
        _STATUS + r"(?:systemd\[1\]: (?:Freezing execution|Caught <)|\[!{6}\] \S)|^\[!{6}\] \S",
    ),
    FailingMessage(
        "emergency mode",
        "systemd's or dracut's emergency mode, in the words of any version",
        _STATUS + r"(?:Entering|You are in|Welcome to) emergency mode"
        r"|Reached target (?:emergency\.target - )?Emergency Mode\."
        r"|Started (?:emergency\.service - )?Emergency Shell\.",
    ),
    FailingMessage(
        "root account is locked",
        "an emergency shell that nothing can log in to",
        _STATUS + "Cannot open access to console, the root account is locked",
    ),
    FailingMessage("Dropping to a shell!", "the initramfs gave up", "Dropping to a shell!"),
    FailingMessage(
        "root not found",
        "the initramfs did not find or mount the root",
        r"^Gave up waiting for root |^mount: mounting \S+ on /(?:root|sysroot|new_root|rootfs|mnt/root) failed"
        r"|^run-init: |^switch_root: (?:can't execute|failed to execute|bad init)"
        r"|^No init found\. Try passing init= |^Target filesystem doesn't have requested "
        r"|^ERROR: (?:Failed to mount '[^'\n]+' on real root|device '(?:/dev/|[A-Z]+=)[^'\n]+' not found)"
        r"|^You are now being dropped into an emergency shell"
        r"|^initramfs emergency recovery shell launched"
        r"|Warning: Could not boot\.|Failed to mount (?:sysroot\.mount - )?/sysroot\.",
    ),
)

OOM = (
    _kernel(
        "invoked oom-killer",
        "a process wanted memory that there is not",
        r"\S[^\n]{0,40} invoked oom-killer: gfp_mask=",
    ),
    _kernel(
        "Out of memory",
        "a process was killed for it, or none is left to be killed",
        r"(?:Memory cgroup out|Out) of memory(?: \([^)\n]{0,99}\))?:? [Kk]ill(?:ed)? process \d"
        r"|Out of memory and no killable processes"
        r"|Out of Memory: Killed process \d+",
    ),
    _kernel("Killed process", "which process", r"Killed process \d+ \(.{1,40}\),? (?:UID \d+,? )?total-vm:"),
)
