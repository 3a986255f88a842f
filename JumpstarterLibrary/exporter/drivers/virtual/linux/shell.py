"""The shell: variables, redirections, pipes, exit statuses."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from JumpstarterLibrary.exporter.drivers.virtual.linux.commands import COMMANDS
from JumpstarterLibrary.exporter.drivers.virtual.linux.process import (
    Capture,
    CommandProblem,
    Logout,
    Process,
    Sink,
    Streams,
)
from JumpstarterLibrary.exporter.drivers.virtual.linux.system import System
from JumpstarterLibrary.exporter.drivers.virtual.script import Command, Group, Redirection, Step, parse, run_steps
from JumpstarterLibrary.exporter.drivers.virtual.words import (
    Incomplete,
    Part,
    SyntaxProblem,
    Word,
    expand,
    expand_unsplit,
)

NOT_FOUND = 127
NESTING_LIMIT = 16

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_PROMPT_CODE = re.compile(r"\\([uhw$])")


class Shell:
    """One shell, and the variables in it.

    Attributes:
        system: The running system.
        variables: All variables.
        exported: The names of those that ``env`` shows.
        status: What ``$?`` stands for.
    """

    def __init__(self, system: System, variables: dict[str, str], depth: int = 0) -> None:
        self.system = system
        self.variables = variables
        self.exported = set(variables) - {"PS1", "PS2"}
        self.status = 0
        self._depth = depth
        self._substituted = 0  # the last substitution's status: that of a command that only assigns

    def prompt(self) -> str:
        """Return the prompt that ``PS1`` asks for."""
        files = self.system.files
        directory = files.directory
        if f"{directory}/".startswith(f"{files.home}/"):
            directory = "~" + directory[len(files.home) :]
        sign = "#" if self.system.privileged else "$"
        values = {"u": self.system.user, "h": self.system.hostname, "w": directory, "$": sign}
        return _PROMPT_CODE.sub(lambda code: values[code[1]], self.variables.get("PS1", ""))

    async def run(self, script: str, streams: Streams) -> int:
        """Run a script and return its status; a fault in it is printed.

        Raises:
            Incomplete: The script needs another line.
            Logout: It said ``exit``.
        """
        try:
            steps = parse(script)
            if steps:
                self.status = await run_steps(steps, lambda step: self._step(step, streams))
        except SyntaxProblem as problem:
            await streams.err(f"sh: {problem}\n")
            self.status = 2
        return self.status

    async def run_child(self, script: str, streams: Streams) -> int:
        """Run a script in a shell of its own: ``cd``, ``exit`` and variables do not reach this one."""
        if self._depth >= NESTING_LIMIT:
            raise CommandProblem("too many nested shells")
        child = Shell(self.system, dict(self.variables), self._depth + 1)
        child.exported, child.status = set(self.exported), self.status
        directory = self.system.files.directory
        try:
            return await child.run(script, streams)
        except Incomplete:
            await streams.err("sh: syntax error: unexpected end of file\n")
            return 2
        except Logout:
            return child.status
        finally:
            self.system.files.directory = directory

    def lookup(self, name: str) -> str:
        """Return a variable's value; an unknown one is empty."""
        special = {"?": str(self.status), "$": "142", "#": "0", "0": "sh", "PWD": self.system.files.directory}
        return special.get(name, self.variables.get(name, ""))

    async def _step(self, step: Step, streams: Streams) -> int:
        stdin = streams.stdin
        for command in step.pipeline[:-1]:
            pipe = Capture()
            await self._command(command, replace(streams, out=pipe.write, stdin=stdin))
            stdin = pipe.text()
        status = await self._command(step.pipeline[-1], replace(streams, stdin=stdin))
        self.status = int(not status) if step.negated else status
        return self.status

    async def _command(self, command: Command | Group, streams: Streams) -> int:
        name = "sh"
        self._substituted = 0
        try:
            if isinstance(command, Group):
                return await self._group(command, streams)
            words = list(command.words)
            assignments: dict[str, str] = {}
            while words and _is_assignment(words[0]):
                text = await expand_unsplit(words.pop(0), self.lookup, self._substitution(streams))
                variable, _, assignments[variable] = text.partition("=")
            arguments = await expand(map(self._with_home, words), self.lookup, self._substitution(streams))
            for redirection in command.redirections:
                streams = await self._redirected(redirection, streams)
            if not arguments:
                self.variables.update(assignments)
                return self._substituted
            name = arguments[0]
            return await self._run_with(assignments, arguments, streams)
        except OSError as error:
            await streams.err(f"{name}: {error.filename}: {error.strerror}\n")
            return 1
        except CommandProblem as problem:
            await streams.err(f"{name}: {problem}\n")
            return problem.status

    async def _group(self, group: Group, streams: Streams) -> int:
        for redirection in group.redirections:
            streams = await self._redirected(redirection, streams)
        return await run_steps(group.steps, lambda step: self._step(step, streams))

    async def call(self, arguments: list[str], streams: Streams) -> int:
        """Run one command with its arguments and return its status."""
        function = COMMANDS.get(arguments[0].removeprefix("/usr").removeprefix("/bin/"))
        if function is None:
            await streams.err(f"sh: {arguments[0]}: not found\n")
            return NOT_FOUND
        return await function(Process(self, arguments[0], arguments[1:], streams))

    async def _run_with(self, assignments: dict[str, str], arguments: list[str], streams: Streams) -> int:
        if not assignments:
            return await self.call(arguments, streams)
        before, exported = self.variables, self.exported
        self.variables, self.exported = {**before, **assignments}, exported | assignments.keys()
        try:
            return await self.call(arguments, streams)
        finally:
            self.variables, self.exported = before, exported

    def _with_home(self, word: Word) -> Word:
        first = word[0]
        if first.kind == "text" and not first.quoted and re.match(r"~(/|$)", first.value):
            return (Part("text", self.system.files.home + first.value[1:]), *word[1:])
        return word

    def _substitution(self, streams: Streams) -> Callable[[str], Awaitable[str]]:
        async def substitute(script: str) -> str:
            output = Capture()
            self._substituted = await self.run_child(script, replace(streams, out=output.write))
            return output.text()

        return substitute

    async def _redirected(self, redirection: Redirection, streams: Streams) -> Streams:
        word = self._with_home(redirection.target)
        target = await expand_unsplit(word, self.lookup, self._substitution(streams))
        if redirection.operator == ">&":
            sink = {"1": streams.out, "2": streams.err, "-": _nowhere}.get(target)
            if sink is None:
                raise CommandProblem(f"{target}: bad file descriptor")
        elif redirection.operator == "<":
            return replace(streams, stdin=self.system.files.read(target))
        else:
            sink = self._file_sink(target, append=redirection.operator == ">>")
        if redirection.operator == "&>":
            return replace(streams, out=sink, err=sink)
        return replace(streams, err=sink) if redirection.descriptor == 2 else replace(streams, out=sink)

    def _file_sink(self, path: str, *, append: bool) -> Sink:
        files = self.system.files
        files.write(path, "", append=append)

        async def write(text: str) -> None:
            files.write(path, text, append=True)

        return write


async def _nowhere(_text: str) -> None:
    """Take what is written to a closed descriptor."""


def _is_assignment(word: Word) -> bool:
    first = word[0]
    return first.kind == "text" and not first.quoted and _ASSIGNMENT.match(first.value) is not None
