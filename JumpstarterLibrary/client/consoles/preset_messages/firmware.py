"""Messages of firmware that runs before or beside the system: TF-A, OP-TEE, UEFI and OpenSBI."""

from __future__ import annotations

from JumpstarterLibrary.client.consoles.preset_messages.message import FailingMessage

_OP_TEE = r"E/TC:[^\n]{0,80}?"
"""OP-TEE's name, core and function, which stand before the text of an error."""

FIRMWARE = (
    FailingMessage("PANIC at PC", "TF-A gave up", r"\bPANIC at PC : 0x"),
    FailingMessage("PANIC in EL3", "TF-A died", r"\bPANIC in EL3\b"),
    FailingMessage(
        "Unhandled Exception",
        "an exception in TF-A, or one that it got from below",
        r"\bUnhandled Exception (?:in EL3|from lower EL)|^ERROR: +Unhandled External Abort received on 0x"
        r"|^Unexpected BRK instruction with value 0x",
    ),
    FailingMessage(
        "ASSERT", "a check of TF-A's or UEFI's failed", r"^ASSERT(?:: (?:File )?\S| \[\w+\] |_\w+_ERROR \()"
    ),
    FailingMessage(
        "Failed to load",
        "TF-A did not find its next stage",
        r"^ERROR: +(?:BL\d\w*: Fail(?:ed to load image|ure in (?:pre|post) image load)|Failed to load BL2 firmware)",
    ),
    FailingMessage("OP-TEE panic", "OP-TEE gave up", _OP_TEE + r"\bPanic(?: at |\b '|$)"),
    FailingMessage("OP-TEE assertion", "a check of OP-TEE's failed", _OP_TEE + r"\bassertion '"),
    FailingMessage(
        "OP-TEE abort",
        "a bad access in OP-TEE; one in a trusted application is that application's",
        rf"{_OP_TEE}(?:\b(?:[Cc]ore |TC:\S{{0,9}} \S{{1,9}} )(?:data|prefetch|undef)-abort at "
        r"|\[abort\] [^\n]{0,80}\(trap CPU\))",
    ),
    FailingMessage("Dead canary", "a stack overflow in OP-TEE", _OP_TEE + r"\bDead canary at "),
    FailingMessage("Exception Type", "an exception in UEFI on x86, ARM or RISC-V", r"^!!!! \w+ Exception Type - "),
    FailingMessage(
        "Exception at",
        "an exception in UEFI on ARM",
        r"^(?:Synchronous|IRQ|FIQ|SError) Exception at 0x"
        r"|^(?:Data abort|Prefetch Abort|Undefined OpCode|SWI|IRQ|FIQ|Reset) Exception PC at "
        r"|^Recursive exception occurred while dumping the CPU state",
    ),
    FailingMessage(
        "No bootable option", "UEFI has nothing to start", r"BdsDxe: No bootable option or device was found"
    ),
    FailingMessage("sbi_trap_error", "a trap in OpenSBI", r"^sbi_trap_error: hart\d+: "),
    FailingMessage("OpenSBI boot", "OpenSBI does not start", r"^init_(?:cold|warm)boot: .* failed"),
)
