"""A command that runs on the virtual Linux: its arguments, and where it reads and writes."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from JumpstarterLibrary.exporter.drivers.virtual.linux.system import System
from JumpstarterLibrary.exporter.drivers.virtual.tty import EndOfInput

PIPE_LIMIT = 1024 * 1024
"""Characters that a pipe or a command substitution holds."""

Sink: TypeAlias = Callable[[str], Awaitable[None]]


class Capture:
    """A sink that keeps what is written."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0

    async def write(self, text: str) -> None:
        """Keep text.

        Raises:
            OSError: It holds over 1 MiB.
        """
        self._size += len(text)
        if self._size > PIPE_LIMIT:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS), "pipe")
        self._pieces.append(text)

    def text(self) -> str:
        """Return what was written."""
        return "".join(self._pieces)


class CommandProblem(Exception):
    """A command cannot do what it was asked to; the message follows its name."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Logout(Exception):
    """``exit`` ends the shell."""


@dataclass(frozen=True)
class Streams:
    """The input and output of a command.

    Attributes:
        out: Standard output.
        err: Standard error.
        stdin: What was piped or redirected into it; None for the console.
    """

    out: Sink
    err: Sink
    stdin: str | None = None


class CommandShell(Protocol):
    """The shell that runs a command.

    Attributes:
        system: The running system.
        variables: All variables.
        exported: The names of those that ``env`` shows.
        status: What ``$?`` stands for.
    """

    system: System
    variables: dict[str, str]
    exported: set[str]
    status: int

    async def run(self, script: str, streams: Streams) -> int:
        """Run a script and return its status; a fault in it is printed."""

    async def run_child(self, script: str, streams: Streams) -> int:
        """Run a script in a shell of its own: ``cd``, ``exit`` and variables do not reach this one."""

    async def call(self, arguments: list[str], streams: Streams) -> int:
        """Run one command with its arguments and return its status."""


@dataclass(frozen=True)
class Process:
    """One running command.

    Attributes:
        shell: The shell that started it.
        name: Its own name.
        arguments: What follows the name.
        streams: Where it reads and writes.
    """

    shell: CommandShell
    name: str
    arguments: list[str]
    streams: Streams

    @property
    def system(self) -> System:
        """The running system."""
        return self.shell.system

    def options(self, allowed: str) -> tuple[set[str], list[str]]:
        """Split the arguments into single-letter options and the rest.

        Raises:
            CommandProblem: An option that the virtual board does not have.
        """
        options: set[str] = set()
        rest = list(self.arguments)
        while rest and rest[0].startswith("-") and rest[0] != "-":
            letters = rest.pop(0)[1:]
            if letters == "-":
                break
            for letter in letters:
                if letter not in allowed:
                    raise CommandProblem(f"unrecognized option '-{letters}' (on the virtual board)")
                options.add(letter)
        return options, rest

    async def input(self, paths: list[str]) -> str:
        """Return the files' content, or standard input if there are none."""
        if paths:
            return "".join([self.system.files.read(path) for path in paths])
        if self.streams.stdin is not None:
            return self.streams.stdin
        typed = Capture()
        try:
            while True:
                await typed.write(await self.system.hardware.tty.read_line() + "\n")
        except EndOfInput:
            return typed.text()

    async def out(self, text: str) -> None:
        """Write to standard output."""
        await self.streams.out(text)

    async def print(self, *lines: str) -> int:
        """Print lines, and return status 0."""
        await self.out("".join(f"{line}\n" for line in lines))
        return 0
