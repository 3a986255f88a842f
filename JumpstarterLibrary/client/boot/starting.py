"""Start a system from U-Boot's prompt, and tell how far a boot came."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.boot.board import Board
from JumpstarterLibrary.client.boot.model import BOOTLOADER, LOGIN, PRESS_ENTER, SHELL, state_at
from JumpstarterLibrary.client.boot.screen import EVIDENCE_LINES
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.consoles.boot_messages import PANIC, maintenance_mode
from JumpstarterLibrary.client.consoles.lost_exporter import exporter_checked
from JumpstarterLibrary.client.consoles.prompts import PromptKind, classify
from JumpstarterLibrary.client.consoles.trace import Trace
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.errors import BootFailed, ConsoleMismatch, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.types import ConsoleMatch

BOOT_COMMANDS = ("boot",)

SYSTEM_STATES = (LOGIN, SHELL, PRESS_ENTER)
"""The states of a board whose system is up."""


def boot_from_uboot(
    board: Board, commands: Sequence[str] = BOOT_COMMANDS, until: str | None = None, timeout: Seconds = None
) -> ConsoleMatch:
    """Start a system from U-Boot's prompt, and wait until it is there.

    Args:
        board: The board, with U-Boot at its prompt.
        commands: What starts it: all but the last have to end with status 0, the last does not come back.
        until: What the console says when it is there. Default: it stands still at the prompt of a login or a shell, or
            asks for Enter.
        timeout: Seconds or timedelta for all of it. Default: the timing's ``boot_timeout``.

    Returns:
        Where that was said.

    Raises:
        BootFailed: U-Boot came back to its prompt, the kernel panicked, or it took too long.
        CommandFailed: There is no U-Boot prompt, or one of the first commands failed.
    """
    if not commands:
        raise UsageError("There is no command to boot with. Give one, such as boot.")
    deadline, begin = Deadline.of(timeout, board.timing.boot_timeout), clock.seconds()
    with exporter_checked(board.console):
        return _boot(board, commands, until, deadline, begin)


def _boot(board: Board, commands: Sequence[str], until: str | None, deadline: Deadline, begin: float) -> ConsoleMatch:
    uboot = UBoot(board.console, board.prompt)
    for command in commands[:-1]:
        uboot.checked(command, deadline)
    at = uboot.enter(commands[-1], deadline)
    back = f"U-Boot came back to its prompt from '{commands[-1]}'"
    if until is not None:
        return _await_pattern(board, Pattern(until), at, deadline, back)
    if await_state(board, (BOOTLOADER, *SYSTEM_STATES), at, deadline) == BOOTLOADER:
        raise board.screen.failure(BootFailed, f"{back}.", at)
    line, end = board.screen.line(at), board.console.end
    board.console.cursor = end
    return ConsoleMatch(line, board.console.text(at), {}, end - len(line), end, clock.seconds() - begin)


def await_state(board: Board, wanted: Collection[str], since: int, deadline: Deadline) -> str:
    """Wait until a console stands still at the prompt of a state, with nothing typed behind it, and return the state.

    Args:
        board: The board.
        wanted: The states that end the wait: ``login``, ``shell``, ``press-enter``, ``bootloader``.
        since: Offset from which on to look.
        deadline: Until when.

    Raises:
        BootFailed: The kernel panicked, the board came to a question or to a shell that is not the system's, or no such
            prompt came in time.
    """
    screen, looked = board.screen, since
    while True:
        end = board.console.end
        if PANIC.search(board.console.text(looked)):
            raise died(board, since)
        looked = max(since, end - len(PANIC.pattern))
        text = screen.text(since)
        if not screen.goes_on(board.timing.prompt_settle, deadline):
            prompt = classify(text, board.prompts)
            bare = not prompt.typed and prompt.kind not in (PromptKind.PARTIAL_LOGIN, PromptKind.LOGIN_PASSWORD)
            if bare and board.console.end > since and (state := state_at(prompt)) in wanted:
                if state == SHELL and maintenance_mode(board.console.text(since)):
                    raise _led_astray(board, f"a shell for maintenance waits there ('{prompt.line}')", since)
                return state
            if prompt.is_no_system:
                raise _led_astray(board, f"{prompt.described} waits there ('{prompt.line}')", since)
            if prompt.asks_user and not screen.goes_on(screen.patience(prompt), deadline):
                raise _led_astray(board, f"it asks '{prompt.line}', where nothing is typed", since, prompt.hint)
            if deadline.expired:
                limit = format_duration(deadline.timeout or 0)
                raise screen.failure(
                    BootFailed,
                    f"There was no sign of a login or a shell on console {board.console.title} within {limit}.",
                    since,
                )
            board.console.wait_for_output(deadline.at_most(1.0))


def _led_astray(board: Board, where: str, since: int, hint: Hint | None = None) -> BootFailed:
    """Return the error for a board that stands where no system is, and from where no system comes by itself."""
    title, where = board.console.title, board.console.hidden(where)
    return board.screen.failure(
        BootFailed, f"The board on console {title} came to no login and no shell: {where}.", since, hint=hint
    )


def died(board: Board, since: int) -> BootFailed:
    """Return the error for a kernel panic, with all that the board still says of it."""
    console, begin = board.console, max(since, board.console.start)
    panic = PANIC.search(console.text(begin))
    trace = Trace(begin + (panic.start() if panic else 0), clock.seconds(), board.timing.trace_silence)
    while (left := trace.left(clock.seconds())) > 0:
        text = console.text(trace.start)
        trace.hear(text, trace.start + len(text), clock.seconds())
        console.wait_for_output(left)
    lines = board.console.folded(since).rstrip("\n").split("\n")
    number = next((number for number, line in enumerate(lines) if PANIC.search(line)), len(lines))
    shown = "\n".join(f"  {line}" for line in lines[max(0, number - EVIDENCE_LINES) :])
    return BootFailed(f"The kernel on console {board.console.title} died. It said:\n{shown}")


def _await_pattern(board: Board, until: Pattern, at: int, deadline: Deadline, back: str) -> ConsoleMatch:
    try:
        panic = f"regexp:{PANIC.pattern}"
        index, match = board.console.wait_for_any(
            [until, Pattern.of_text(f"\n{board.prompt}"), panic], deadline, since=at, expect_restart=True
        )
    except ConsoleMismatch as error:
        raise error.reworded(BootFailed, f"The system did not start. {error.facts}") from error
    if index == 1:
        raise board.screen.failure(BootFailed, f"{back}.", at)
    if index == 2:
        raise died(board, at)
    return match
