"""Messages of U-Boot and its SPL, on any processor.

A boot that tries several devices says of each what is wrong with it, and goes on; that is no failure. What U-Boot says
of an image that it was told to start is one, and so is a restart that was not typed.
"""

from __future__ import annotations

import re

from JumpstarterLibrary.client.consoles.preset_messages.message import FailingMessage

_RESET = re.compile(r"(?:^|;)\s*reset\b.*\n", re.MULTILINE)

_BEHIND_PROGRESS = r"(?:^|[#*.>T]\s*|Loading:\s*)"
"""The beginning of a line, or the end of a progress that it breaks off."""

U_BOOT = (
    FailingMessage("Please RESET the board", "U-Boot hangs", r"### ERROR ### Please RESET the board ###"),
    FailingMessage(
        "must RESET the board",
        "an image has overwritten U-Boot or its own rest",
        r"[Mm]ust (?:RESET|reset) (?:the )?board to recover",
    ),
    FailingMessage("handler, esr 0x", "an exception on ARM64", r'"(?:[A-Z][A-Za-z ]*)" handler, esr 0x'),
    FailingMessage("data abort", "a bad access on ARM", rf"{_BEHIND_PROGRESS}data abort$"),
    FailingMessage("prefetch abort", "a jump into nowhere on ARM", rf"{_BEHIND_PROGRESS}prefetch abort$"),
    FailingMessage("undefined instruction", "code that is none, on ARM", rf"{_BEHIND_PROGRESS}undefined instruction$"),
    FailingMessage("fault", "a fault on Cortex-M", r"^(?:Hard|Memory management|Bus|Usage) fault$"),
    FailingMessage(
        "Unhandled exception", "an exception on RISC-V", r"Unhandled exception(?: code)?: \S|^exception code: \d+ , "
    ),
    FailingMessage("Ooops", "an exception on MIPS", r"^Ooops:$"),
    FailingMessage(
        "x86 exception",
        "an exception on x86",
        r"^(?:Divide Error|BOUND Range Exceeded|Invalid Opcode \(Undefined Opcode\)|Double Fault|Invalid TSS"
        r"|Device Not Available \(No Math Coprocessor\)|Segment Not Present|Stack Segment Fault|General Protection"
        r"|Page Fault|x87 FPU Floating-Point Error|Alignment Check|Machine Check|SIMD Floating-Point Exception)$",
    ),
    FailingMessage(
        "exception",
        "an exception on PowerPC, m68k or ARC",
        r"^Machine check in kernel mode\.|^Bad trap at PC: [0-9a-f]+, SR: |Exception in kernel pc [0-9a-f]+ signal \d"
        r"|^(?:Alignment|Program Check|Software Emulation|Critical Input) Exception\b|^\*{3} Unexpected exception \*{3}"
        r"|^\*\* (?:Illegal|Privileged) Instruction \*\*|^(?:Instruction|Memory) error exception @ 0x",
    ),
    FailingMessage("resetting ...", "a restart that was not typed", rf"{_BEHIND_PROGRESS}resetting \.\.\.$", _RESET),
    FailingMessage("Resetting CPU ...", "a restart after an exception", r"Resetting (?:CPU|the board) ?\.\.\.", _RESET),
    FailingMessage(
        "initcall", "a step of U-Boot's own start failed", r"^initcall (?:sequence \S+ )?(?:failed at |\w+\(\) failed)"
    ),
    FailingMessage(
        "SPL:",
        "the SPL has nothing to start",
        r"^(?:[STV]PL: )?failed to boot from all boot devices"
        r"|^SPL: (?:Image (?:data|header) CRC check failed!|Image overlaps SPL|Image too large)"
        r"|no mkimage signature but raw image not supported",
    ),
    FailingMessage(
        "panic",
        "U-Boot's stack or an assertion of its own",
        r"Stack smashing detected in function"
        r"|: Assertion `.{1,200}' failed\.|HUSH died!",
    ),
    FailingMessage(
        "can't get kernel image!",
        "a boot command without an image",
        r"^ERROR(?: -?\d[^\n]{0,60})?: can't get kernel image!|^## Kernel loading failed",
    ),
    FailingMessage(
        "Wrong Image",
        "an image of another kind",
        r"Wrong (?:Ramdisk )?Image (?:Format\b|Type for )|^ERROR: (?:booting os '|\S+ image overlaps OS image)",
    ),
    FailingMessage("Image magic!", "a kernel that is none", r"Bad Linux \S+ Image magic!|^zimage: Bad magic!"),
    FailingMessage("Bad Magic Number", "an image whose head is not right", r"\bBad (?:Magic Number|Header Checksum)\b"),
    FailingMessage(
        "Bad Data",
        "an image whose data is not right",
        r"\bBad Data (?:CRC|Hash)\b|\bBad hash value for '|\bBad FIT \w+ image format",
    ),
    FailingMessage(
        "signature",
        "an image that is not signed as it must be",
        r"Failed to verify (?:required signature|'any' of the required)|Verification failed for '"
        r"|ERROR: (?:header )?signature check has failed",
    ),
    FailingMessage(
        "uncompress",
        "an image that cannot be unpacked, by gzip, LZMA and others",
        r"[Uu]ncompress(?:ion)?(?: error -?\d|, out-of-mem or overwrite error| or overwrite error)"
        r"|Error: Bad gzipped data|^Error decompressing |Error: inflate\(\) returned -?\d|LZMA decompression error: "
        r"|Image too large: increase CONFIG_SYS_BOOTM_LEN|Unimplemented compression type \d",
    ),
    FailingMessage(
        "Flattened Device Tree",
        "no device tree for the kernel",
        r"^ERROR: Did not find a cmdline Flattened Device Tree|^Could not find a valid device tree"
        r"|^ERROR: image is not a fdt|^FDT and ATAGS support not compiled in|^FDT creation failed!",
    ),
)
