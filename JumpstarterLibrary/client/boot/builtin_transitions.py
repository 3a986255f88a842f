"""The built-in states of every board, and the ways between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.interrupt import interrupt_boot
from JumpstarterLibrary.client.boot.model import (
    ANY,
    BOOTING,
    BOOTLOADER,
    LOGIN,
    OFF,
    OTHERS,
    PRESS_ENTER,
    RECOVERY,
    SHELL,
    STARTING,
    State,
    TransitionRule,
    state_at,
)
from JumpstarterLibrary.client.boot.starting import BOOT_COMMANDS, SYSTEM_STATES, await_state, boot_from_uboot
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.consoles.keyboard import COMMENT, ERASE
from JumpstarterLibrary.client.consoles.prompts import Prompt, PromptKind, PromptSettings, classify
from JumpstarterLibrary.client.consoles.shell_probe import refusal
from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import BootFailed, CommandFailed, ConsoleMismatch, FaultClass

RETURN = ERASE + b"\n"
"""The nudge for a login prompt, which would take a comment for a name."""

NESTED = 5
"""How many shells may be one in another."""


def builtin_states(settings: PromptSettings) -> list[State]:
    """Return the states in which every board can stand still.

    Args:
        settings: The prompts that the board is known to have.
    """

    def shows(state: str, wanted: Callable[[Prompt], bool] = lambda _: True) -> Callable[[str], bool]:
        return lambda text: state_at(found := classify(text, settings)) == state and wanted(found)

    return [
        State(BOOTLOADER, shows(BOOTLOADER)),
        State(LOGIN, shows(LOGIN, lambda found: found.asks_for_login), RETURN),
        State(LOGIN, shows(LOGIN, lambda found: found.asks_for_secret), None),
        State(LOGIN, lambda text: _took_comment(classify(text, settings), text), None),
        State(RECOVERY, shows(SHELL, lambda found: "@(none):/" in found.line), probe=_refused_as_failsafe),
        State(SHELL, shows(SHELL), probe=_refused),
        *(State(name, shows(name), None) for name in OTHERS.values()),
    ]


def _took_comment(prompt: Prompt, text: str) -> bool:
    """Whether a login that showed nothing has taken the comment of a nudge for the name of a user."""
    return prompt.kind is PromptKind.PASSWORD and text.split("\n")[-2:][0].strip() == COMMENT.decode().strip()


def builtin_transitions(context: Context) -> Iterator[TransitionRule]:
    """Yield the ways that a board has.

    Args:
        context: The board, and how it boots.
    """
    timing = context.board.timing
    yield TransitionRule(BOOTLOADER, LOGIN, _boot, cost=3, timeout=timing.boot_timeout)
    yield TransitionRule(LOGIN, SHELL, _log_in, cost=1, timeout=timing.login_timeout)
    yield TransitionRule(PRESS_ENTER, SHELL, _press_enter, cost=1, timeout=timing.login_timeout)
    yield TransitionRule(SHELL, LOGIN, _log_out, cost=1, timeout=timing.command_timeout)
    yield TransitionRule(STARTING, BOOTLOADER, _interrupt_started, cost=1, timeout=timing.interrupt_timeout)
    yield TransitionRule(BOOTING, LOGIN, _wait_for_system, cost=1, timeout=timing.boot_timeout / 2)
    boots_by_itself = context.settings.commands is None
    if boots_by_itself:
        yield TransitionRule(STARTING, LOGIN, _wait_for_started, cost=2, timeout=timing.boot_timeout)
    if context.board.known_supply is None:
        yield TransitionRule(SHELL, BOOTLOADER, _reboot, cost=6, timeout=timing.boot_timeout)
        return
    yield TransitionRule(ANY, OFF, _switch_off, cost=1)
    yield TransitionRule(OFF, BOOTLOADER, _start_and_interrupt, cost=2, timeout=timing.interrupt_timeout)
    if boots_by_itself:
        yield TransitionRule(OFF, LOGIN, _start, cost=4, timeout=timing.boot_timeout)


def switch_on(context: Context) -> None:
    """Switch power on, once it has been off for long enough."""
    context.board.supply.rest(context.settings.off_time)
    context.board.supply.switch_on(context.deadline)


def _switch_off(context: Context) -> str:
    context.board.supply.switch_off(context.deadline)
    return OFF


def _start_and_interrupt(context: Context) -> str:
    switch_on(context)
    return _interrupt(context)


def _interrupt(context: Context) -> str:
    interrupt_boot(context.board, context.settings.interruption, context.deadline, switch_on=False)
    return BOOTLOADER


def _interrupt_started(context: Context) -> str:
    _hear_first_word(context)
    return _interrupt(context)


def _wait_for_started(context: Context) -> str:
    _hear_first_word(context)
    return _wait_for_system(context)


def _hear_first_word(context: Context) -> None:
    board, limit = context.board, context.deadline.within(context.board.timing.boot_silence)
    if not board.screen.spoke and not board.console.wait_for_output(limit):
        raise BootFailed(
            f"The board on console {board.console.title} said nothing within {format_duration(limit.timeout or 0)}.",
            fault=FaultClass.UNKNOWN,
        )


def _start(context: Context) -> str:
    switch_on(context)
    return _wait_for_system(context)


def _wait_for_system(context: Context) -> str:
    board = context.board
    return await_state(board, (BOOTLOADER, *SYSTEM_STATES), board.screen.begin, context.deadline)


def _boot(context: Context) -> str:
    commands = context.settings.commands or BOOT_COMMANDS
    match = boot_from_uboot(context.board, commands, timeout=context.deadline)
    return state_at(classify(match.text, context.board.prompts))


def _log_in(context: Context) -> str:
    log_in(context.board.console, context.settings.user, context.settings.password, context.deadline)
    return SHELL


def _press_enter(context: Context) -> str:
    start = context.board.console.end
    context.board.console.write(b"\n", context.deadline)
    return await_state(context.board, (LOGIN, SHELL), start, context.deadline)


def _log_out(context: Context) -> str:
    where = SHELL
    for _ in range(NESTED):
        start = context.board.console.end
        context.board.console.write(ERASE + b"exit\n", context.deadline)
        where = await_state(context.board, SYSTEM_STATES, start, context.deadline)
        if where == LOGIN:
            break
    return where


def _reboot(context: Context) -> str:
    console = context.board.console
    console.write(ERASE + b"reboot\n", context.deadline)
    console.cursor = console.end
    return _interrupt(context)


def _refused(context: Context) -> str | None:
    """Return why what looks like a shell's prompt is none; empty where that is not known, None where it is one."""
    console, limit = context.board.console, context.deadline.within(context.board.timing.probe_timeout)
    try:
        if facts := refusal(console, classify(context.board.screen.text(), context.board.prompts), limit):
            return f"{facts.rstrip('.')}; if it is a boot loader, its prompt has to be set for the board"
        return None if run_command(console, "true", limit).status == 0 else ""
    except (CommandFailed, ConsoleMismatch):
        return ""


def _refused_as_failsafe(context: Context) -> str | None:
    """Return None where OpenWrt has no host name: in failsafe mode, nothing has set one; empty anywhere else."""
    limit = context.deadline.within(context.board.timing.probe_timeout)
    try:
        found = run_command(context.board.console, "test -e /etc/openwrt_release", limit).status == 0
    except (CommandFailed, ConsoleMismatch):
        return ""
    return None if found else ""
