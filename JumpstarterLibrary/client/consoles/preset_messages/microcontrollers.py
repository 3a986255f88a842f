"""Messages of systems on microcontrollers: Zephyr with MCUboot, ESP-IDF and NuttX."""

from __future__ import annotations

from JumpstarterLibrary.client.consoles.preset_messages.message import FailingMessage

_LOG = r"(?:^|: )"
"""Where a message begins, with and without the level and module of Zephyr's log before it."""

ZEPHYR = (
    FailingMessage("ZEPHYR FATAL ERROR", "a fatal error, for any reason", _LOG + r">>> ZEPHYR FATAL ERROR \d+: "),
    FailingMessage("FAULT *****", "a fault on ARM", _LOG + r"\*{5} [A-Z ]+ FAULT \*{5}"),
    FailingMessage("FATAL EXCEPTION", "an exception on Xtensa", _LOG + r" ?\*\* FATAL EXCEPTION"),
    FailingMessage("ASSERTION FAIL", "an assertion failed", r"(?:^|\s)ASSERTION FAIL \[.{0,200}\] @ \S+:\d+"),
    FailingMessage("Halting system", "what follows a fatal error", _LOG + r"Halting system$"),
    FailingMessage("Fatal fault in", "a fatal error in Zephyr 1", r"Fatal fault in (?:thread|ISR|essential thread)\b"),
    FailingMessage("***** Kernel", "an oops or panic in Zephyr 1", r"^\*{5} Kernel (?:OOPS|Panic)! \*{5}"),
    FailingMessage("Stack Check Fail", "a stack overflow in Zephyr 1", r"^\*{5} Stack Check Fail! \*{5}"),
    FailingMessage(
        "MCUboot",
        "MCUboot has nothing to start",
        r"Unable to find bootable image|Image in the primary slot is not valid!",
    ),
)

ESP_IDF = (
    FailingMessage(
        "Guru Meditation Error", "an exception or a watchdog", r"Guru Meditation Error: Core +\d+ panic'ed \("
    ),
    FailingMessage("abort()", "the program gave up", r"abort\(\) was called at PC 0x"),
    FailingMessage("assert failed", "an assertion failed", r'\bassert failed: \S+ \S|^assertion ".+" failed: file '),
    FailingMessage("ESP_ERROR_CHECK failed", "a call failed that must not", r"ESP_ERROR_CHECK failed: esp_err_t 0x"),
    FailingMessage("stack overflow", "a stack overflow", r"A stack overflow in task .{1,50} has been detected"),
    FailingMessage("Stack smashing", "a stack that was overwritten", r"Stack smashing protect failure!"),
    FailingMessage("CORRUPT HEAP", "a heap that was overwritten", r"CORRUPT HEAP: "),
    FailingMessage("Task watchdog", "a task that hangs", r"task_wdt: Task watchdog got triggered"),
    FailingMessage("Brownout", "the supply broke down", r"Brownout detector was triggered"),
    FailingMessage("rst: WDT", "a restart by a watchdog or a brownout", r"\brst:0x[0-9a-f]+ \(\w*(?:WDT|BROWN)\w*\)"),
    FailingMessage("flash read err", "the ROM finds no boot loader", r"^flash read err, \d+|^invalid header: 0x"),
    FailingMessage(
        "no app",
        "the boot loader finds no program",
        r"boot: (?:Factory app partition is not bootable|No bootable app partitions)",
    ),
    FailingMessage("Fatal exception", "an exception on ESP8266", r"^Fatal exception \(?\d+"),
)

NUTTX = (
    FailingMessage(
        "Assertion failed",
        "an assertion or a panic",
        r"Assertion failed(?: \w[^:\n]{0,200})? ?:? ?(?:CPU\d+:? )?at file: ?\S",
    ),
    FailingMessage("PANIC!!!", "a fault on ARM", r"\bPANIC!!!"),
    FailingMessage("EXCEPTION", "an exception on RISC-V", r"\bEXCEPTION: .{0,100}\b[MS]CAUSE: "),
    FailingMessage("User Exception", "an exception on Xtensa", r"\bUser Exception: EXCCAUSE="),
    FailingMessage("arm64_fatal_error", "an exception on ARM64", r"\barm64_fatal_error: reason = \d"),
    FailingMessage("kasan", "what KASAN finds", r"\bkasan_report: kasan detected "),
)
