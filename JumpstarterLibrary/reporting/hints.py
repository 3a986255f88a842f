"""Robot Framework's phrases for hints: keywords in place of functions. Most arguments are called as in Python."""

from __future__ import annotations

import re
from collections.abc import Sequence

from JumpstarterLibrary.hints import Hint, Phrases

ROBOT: Phrases = {
    Hint.SELECT_EXPORTER: "Give selector= or exporter=, here or at the library's import.",
    Hint.ALLOW_DISABLED_EXPORTER: "Choose another one, or give allow_disabled=yes.",
    Hint.ALLOW_DISABLED_EXPORTERS: "Choose another selector, or give allow_disabled=yes.",
    Hint.LOG_IN: "Try Log In To Console first.",
    Hint.CHECK_LOGIN: "If no user is logged in, try Log In To Console first.",
    Hint.ANSWER_PROMPT: "Answer it first, for example with Write To Console.",
    Hint.UNLOCK_DISK: (
        "Answer it first, for example with Write To Console; where the board unlocks the disk by itself, give it more "
        "time with unlock_timeout of Timing."
    ),
    Hint.USE_PROMPT: "Type there with Write To Console, and look at what it answers with Console Should Contain.",
    Hint.START_SH: "Start a POSIX shell there first: Write To Console    sh.",
    Hint.BOOT_SYSTEM: "Boot the system first, for example with Ensure Device State    shell.",
    Hint.SET_PROMPT: (
        "If it is a boot loader, set its prompt: with prompt in the settings of a states file, or with prompt= of "
        "Interrupt Boot."
    ),
    Hint.END_WAIT_AT_PANIC: (
        "With Register Failing Console Pattern    linux, or failing_patterns=linux at the library's import, "
        "a wait ends there."
    ),
    Hint.ALLOW_RESTART: "Where that is meant, say so with expect_restart=yes.",
    Hint.EXPECT_RESTART: "Where that is meant, say so with expect_status=restart.",
    Hint.STOP_BOOT: "Stop the boot first, for example with Interrupt Boot.",
    Hint.START_FROM_UBOOT: "To start something that does not come back, use Boot From U-Boot.",
    Hint.START_SYSTEM: "To start a system, use Boot From U-Boot.",
    Hint.RETRY_STATE: "Power-cycle the board, or use Forget Device Failures, to try it again.",
    Hint.DEFINE_STATE: "See Load Device States.",
}

_TOO_MANY = re.compile(r"expected (?:\d+ to )?(?P<most>\d+) non-named arguments?, got (?P<given>\d+)\.$")


def hint_at_names(refusal: str, given: Sequence[object], names: Sequence[str]) -> str:
    """Return what to try where Robot Framework has refused an argument without a name; empty for other refusals.

    Args:
        refusal: Robot Framework's message.
        given: The arguments as the test has them.
        names: The arguments that the keyword takes by name only.
    """
    found = _TOO_MANY.search(refusal)
    if found is None or not names or len(given) <= (most := int(found["most"])):
        return ""
    extra = str(given[most])
    likely = [name for name in ("driver", "device") if name in names] or names[:1]
    hint = f"Write '{extra}' with its name, such as {' or '.join(f'{name}={extra}' for name in likely)}"
    if most:
        hint += f"; where it belongs to the argument before it, put one space between them: '{given[most - 1]} {extra}'"
    return f"{hint}."
