"""Commands on a console's shell, with their output and exit status."""

from __future__ import annotations

import contextlib
import re
import secrets
import time

from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.deadline import Deadline, Seconds, spoken
from JumpstarterLibrary.client.noise import without_kernel_messages
from JumpstarterLibrary.errors import CommandFailed, InfrastructureError, UsageError
from JumpstarterLibrary.types import CommandResult

COMMAND_S = 30.0
INTERRUPT = b"\x03"
SETTLE_S = 0.2
SETTLE_LIMIT_S = 1.0
OVERLAP = 4096
"""Characters before new output that a marker, cut by kernel messages, may begin in."""

LINE_LIMIT = 3500
"""Bytes of one line; a terminal in canonical mode drops what is beyond 4095, and our markers need some."""


def run_command(console: Console, command: str, timeout: Seconds = COMMAND_S) -> CommandResult:
    """Run a command on the shell that waits on a console.

    The command is put between two markers that are split in what is typed, so that only what the shell prints can
    match, never the echo. It runs in the present shell: ``cd`` and variables last.

    Args:
        console: The console, with a shell prompt.
        command: A POSIX shell command; may have several lines.
        timeout: Seconds or timedelta until it must be done. Default: 30 seconds. A command that is not done by then
            is interrupted with Ctrl-C.

    Raises:
        CommandFailed: It was not done in time, the shell did not understand it, or no shell answered.
        UsageError: The command is empty or a line of it too long to type.
    """
    _check(command)
    deadline, begin = Deadline.of(timeout), time.monotonic()
    token = secrets.token_hex(4)
    start = console.end
    # A newline before the closing brace: the command may end in a comment or an ampersand.
    console.write(f'echo "JMP""{token}B"; {{ {command}\n}}; echo "JMP""{token}E:$?:"\n'.encode(), deadline)
    try:
        output, status = _collect(console, command, token, start, deadline)
    except BaseException:
        # Only into a shell that has taken the line: a boot loader would stop what it does.
        if token in console.text(start):
            with contextlib.suppress(InfrastructureError):
                console.write(INTERRUPT)
        raise
    console.cursor = console.end
    return CommandResult(command, output, status, time.monotonic() - begin)


def _collect(console: Console, command: str, token: str, start: int, deadline: Deadline) -> tuple[str, int]:
    """Wait for both markers and return what is between them, and the status."""
    result = re.compile(rf"JMP{token}B *\n(?P<output>.*?)\n?JMP{token}E:(?P<status>\d+):", re.DOTALL)
    complaint = re.compile(r"^[^ \n]*sh: .*syntax error.*$", re.MULTILINE)
    looked = start
    while True:
        end = console.end
        # What is new decides whether all of it has to be looked at.
        recent = without_kernel_messages(console.text(max(start, looked - OVERLAP)))
        looked = end
        if f"JMP{token}E:" in recent:
            text = console.text(start)
            match = result.search(text) or result.search(without_kernel_messages(text))
            if match:
                return match["output"], int(match["status"])
            if start < console.start:
                raise CommandFailed(
                    f"Command '{command}' printed more than a console keeps; its output is in the transcript only. "
                    f"Write it to a file on the device, or print less."
                )
        elif f"JMP{token}B" not in recent and (wrong := complaint.search(recent)):
            _let_settle(console, deadline)
            raise CommandFailed(f"The shell did not understand command '{command}': {wrong.group().strip()}")
        if console.end == end and not console.wait_for_output(deadline):
            raise CommandFailed(_unfinished(console, command, token, start, deadline))


def _let_settle(console: Console, deadline: Deadline) -> None:
    """Let the shell say the rest of its complaint, so that the next command does not take it for its own."""
    limit = Deadline(deadline.at_most(SETTLE_LIMIT_S))
    while not limit.expired and console.wait_for_output(limit.at_most(SETTLE_S)):
        pass


def _check(command: str) -> None:
    if not command.strip():
        raise UsageError("The command is empty. Give a shell command to run on the console.")
    longest = max(len(line.encode()) for line in command.splitlines())
    if longest > LINE_LIMIT:
        raise UsageError(
            f"The command has a line of {longest} bytes; a console takes {LINE_LIMIT} in one line. "
            f"Write it to a file on the device in pieces, or split the line."
        )


def _unfinished(console: Console, command: str, token: str, start: int, deadline: Deadline) -> str:
    text = console.text(start)
    limit = spoken(deadline.timeout or 0)
    _, began, output = text.rpartition(f"JMP{token}B")
    if began:
        seen = output.strip().splitlines()[-10:]
        shown = "It printed:\n" + "\n".join(f"  {line}" for line in seen) if seen else "It printed nothing."
        return f"Command '{command}' did not finish within {limit} and was interrupted. {shown}"
    seen = text.strip().splitlines()[-10:]
    shown = "The console said:\n" + "\n".join(f"  {line}" for line in seen) if seen else "The console was silent."
    return (
        f"Command '{command}' found no shell on console '{console.name}' within {limit}. {shown}\n"
        f"Is somebody logged in? Try Log In To Console first."
    )
