"""Commands on a console's shell, with their output and exit status."""

from __future__ import annotations

import contextlib
import secrets
import time

from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.deadline import Deadline, Seconds, spoken
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.errors import CommandFailed, ConsoleMismatch, InfrastructureError, UsageError
from JumpstarterLibrary.types import CommandResult

COMMAND_S = 30.0
INTERRUPT = b"\x03"
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
        CommandFailed: It was not done in time, or no shell answered.
        UsageError: The command is empty or a line of it too long to type.
    """
    _check(command)
    deadline, begin = Deadline.of(timeout), time.monotonic()
    token = secrets.token_hex(4)
    # A newline before the closing brace: the command may end in a comment or an ampersand.
    typed = f'echo "JMP""{token}B"; {{ {command}\n}}; echo "JMP""{token}E:$?:"\n'
    start = console.end
    console.write(typed.encode(), deadline)
    try:
        opening = console.wait_for(Pattern(f"regexp:JMP{token}B *\n"), deadline, since=start)
        closing = console.wait_for(Pattern(f"regexp:JMP{token}E:(?P<status>[0-9]+):"), deadline, since=opening.end)
    except ConsoleMismatch as error:
        with contextlib.suppress(InfrastructureError):
            console.write(INTERRUPT)
        raise CommandFailed(_unfinished(console, command, token, start, deadline)) from error
    except BaseException:
        with contextlib.suppress(InfrastructureError):
            console.write(INTERRUPT)
        raise
    output = closing.before.removesuffix("\n")
    return CommandResult(command, output, int(closing.groups["status"] or 0), time.monotonic() - begin)


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
