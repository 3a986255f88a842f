"""Messages of Android, beside those of its kernel."""

from __future__ import annotations

from JumpstarterLibrary.client.consoles.preset_messages.linux import LINUX
from JumpstarterLibrary.client.consoles.preset_messages.message import FailingMessage

ANDROID = (
    *LINUX,
    FailingMessage(
        "FATAL EXCEPTION", "an app or the system server died in Java", r"FATAL EXCEPTION(?: IN SYSTEM PROCESS)?: \S"
    ),
    FailingMessage("Fatal signal", "a process died in native code", r"Fatal signal \d+ \(SIG[A-Z]+\)"),
    FailingMessage("*** *** *** ***", "the head of a tombstone", r"\*\*\* \*\*\* \*\*\* (?:\*{3} ){12}\*{3}"),
    FailingMessage(
        "WATCHDOG KILLING SYSTEM PROCESS",
        "the system server hung",
        r"\*\*\* WATCHDOG KILLING SYSTEM PROCESS: |Watchdog\s*: \*\*\* GOODBYE!",
    ),
    FailingMessage("InitFatalReboot: signal", "init died", r"init: InitFatalReboot: signal \d+"),
    FailingMessage(
        "critical process",
        "init restarts the device: a critical process exits again and again",
        r"init: critical process '.{1,100}' exited \d+ times",
    ),
    FailingMessage(
        "process with updatable components",
        "init rolls updates back: a process that has some exits again and again",
        r"init: process with updatable components '.{1,100}' exited \d+ times",
    ),
    FailingMessage(
        "received signal",
        "a service of init's died of a fault of its own",
        r"init: Service '.{1,100}' \(pid \d+\) received signal (?:4|6|7|8|11)\b",
    ),
    FailingMessage(
        "required partitions",
        "init cannot mount what it needs",
        r"init: (?:\[\w+\] ?)?Failed to mount required partitions",
    ),
    FailingMessage(
        "Exit zygote because system server",
        "all of Android's framework ends with the system server",
        r"Exit zygote because system server ",
    ),
    FailingMessage(
        "is corrupted", "a partition is not what was signed", r"device-mapper: verity: .{1,100} is corrupted"
    ),
)
