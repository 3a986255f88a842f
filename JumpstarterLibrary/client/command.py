"""Commands on a console's shell, with their output and exit status."""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import dataclass, field, replace

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.command_markers import (
    as_typed,
    begin_marker,
    end_marker,
    new_token,
)
from JumpstarterLibrary.client.consoles.kernel import SLACK_S, STAMP, separate, without_kernel_messages
from JumpstarterLibrary.client.consoles.keyboard import (
    AGAIN,
    INTERRUPT,
    TypingOptions,
    abandon_line,
    interrupt,
    let_settle,
    type_text,
)
from JumpstarterLibrary.client.consoles.lost_exporter import exporter_checked
from JumpstarterLibrary.client.consoles.messages import indented, quoted, tail
from JumpstarterLibrary.client.consoles.prompts import LONGEST, Prompt, PromptKind, classify
from JumpstarterLibrary.client.consoles.restart_signs import RestartSign, last_sign
from JumpstarterLibrary.client.consoles.shell_probe import other_shell
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.shell_prompt import OVERLAP, await_prompt, expect_shell, prove_shell, restart_told, wake
from JumpstarterLibrary.client.text import without_erased
from JumpstarterLibrary.errors import CommandFailed, ConsoleMismatch, InfrastructureError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.printable import printable
from JumpstarterLibrary.types import CommandResult

logger = logging.getLogger(__name__)

PIECE = 200
"""Characters of a command that are typed in one line at most. BusyBox takes 1023 bytes in a line, terminals 4095; a
character may be typed as four."""

SHORT_PIECE = 20
"""Characters that are typed in one line at most where a line editor shows long lines in part: all of them are shown."""

RESTART_S = 1.0
"""How long a boot loader's first line may still be something that the command printed."""

LOGOUT_S = 1.0
"""How long a login prompt has to stand there before the shell is taken to have ended."""

_TYPED_FIRST = ":;"
"""The begin of what is typed to run a command."""

_AFTER_RESTART = (PromptKind.LOGIN, PromptKind.PRESS_ENTER, PromptKind.COUNTDOWN, PromptKind.BOOT_LOADER)
"""What a board asks for once it has restarted, at the latest."""

_UPTIME = re.compile(r"^(\d+\.\d+) \d+\.\d+$", re.MULTILINE)
_COMPLAINT = re.compile(r"^[^ \n]*sh: .*syntax error.*$|^fish: .*$", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def run_command(
    console: Console,
    command: str,
    timeout: Seconds = None,
    *,
    once: bool = False,
    char_delay: float | None = None,
    restarts: bool = False,
) -> CommandResult:
    """Run a command on the shell that waits on a console.

    The command is put between two markers that are split in what is typed, so that only what the shell prints can
    match, never the echo. It runs in the present shell: ``cd`` and variables last. A line that does not come back whole
    is not executed, but typed again.

    Args:
        console: The console, with a shell prompt.
        command: A POSIX shell command; may have several lines.
        timeout: Seconds or timedelta until it must be done. Default: the timing's ``command_timeout``. A command
            that is not done by then is interrupted with Ctrl-C.
        once: Never type it again in any case, except in pieces where a line editor shows long lines in part. Default:
            no.
        char_delay: Seconds between two typed characters. Default: the timing's ``char_delay``, which is none.
        restarts: Whether it restarts the board, which is then waited for. Default: no.

    Raises:
        CommandFailed: It was not done in time, the shell did not understand it, no shell answered, a login, a password,
            a key or a boot loader's command is asked for instead, or the board restarted although it should not, or did
            not although it should.
        DeviceCrashed: A failing pattern came meanwhile.
        UsageError: The command is empty, or has characters that cannot be typed.
    """
    _check(command)
    deadline = Deadline.of(timeout, console.timing.command_timeout)
    begin = max(console.start, console.end - OVERLAP)
    try:
        with exporter_checked(console):
            result = _run(console, command, deadline, once, char_delay, restarts)
        cause = None
    except CommandFailed as error:
        result, cause = None, error
    if shell := other_shell(console.text(begin), result):
        facts = f"{shell} waits on console {console.title}, which is no POSIX shell."
        raise CommandFailed(f"Command {quoted(command)} was not run: {facts}", hint=Hint.START_SH) from cause
    if result is None:
        assert cause is not None
        raise cause
    if not restarts:
        console.check(f"the end of command {quoted(command)}")
    return result


def _run(
    console: Console, command: str, deadline: Deadline, once: bool, char_delay: float | None, restarts: bool
) -> CommandResult:
    """Type a command, again where it was not taken, and return its result; see ``run_command``."""
    await_prompt(console, deadline)
    wake(console, command, deadline)
    manner = TypingOptions(char_delay=char_delay, erase=INTERRUPT, again=0, what=f"command {quoted(command)}")
    console.kernel.paused = True
    try:
        for attempt in range(1 if once else AGAIN + 1):
            prompt = expect_shell(console, command, deadline)
            if not attempt:
                prove_shell(console, prompt, command, deadline, char_delay)
            run = _Run(console, command, deadline, restarts, last=once or attempt == AGAIN)
            if run.typed(manner) and (result := run.result()) is not None:
                return result
            logger.warning("Command %s was not taken on console %s; it is typed again.", quoted(command), console.title)
        raise AssertionError("the last attempt gives a result or an error")
    finally:
        console.kernel.paused = False


@dataclass
class _Run:
    """One attempt to run a command.

    Attributes:
        last: Whether it is the last one.
        start: Where in the console's text it begins.
        echoed: Whether what was typed came back.
        typed_until: Where what came back of it ends.
        began: Whether the shell has begun with it.
        sign: The last sign of a restart; None if there was none.
        noticed: When it was noticed.
        logout: Since when a login prompt is the last that the console has said; None if it is not.
        done: The result of a command that has ended.
        asks: Whether the kernel may be asked for its time, where no message has told it.
    """

    console: Console
    command: str
    deadline: Deadline
    restarts: bool
    last: bool
    token: str = field(default_factory=new_token)
    start: int = 0
    echoed: bool = False
    typed_until: int = 0
    began: bool = False
    sign: RestartSign | None = None
    noticed: float = 0.0
    logout: float | None = None
    begin: float = field(default_factory=clock.seconds)
    newer_than: float | None = None
    done: CommandResult | None = None
    asks: bool = True

    def __post_init__(self) -> None:
        self.start = self.console.end
        before = self.console.text(max(self.console.start, self.start - LONGEST))
        self.console.shell_prompt = without_kernel_messages(before).rpartition("\n")[2]
        self.newer_than = self.console.kernel.newer_than(self.begin)

    @property
    def _marker(self) -> str:
        return begin_marker(self.token)

    @property
    def _end_marker(self) -> str:
        return end_marker(self.token)

    def typed(self, manner: TypingOptions) -> bool:
        """Type the command; return whether it is whole."""
        try:
            script = _script(self.command, self.token, SHORT_PIECE if self.console.piece else PIECE)
            manner = replace(manner, check=self._check_up)
            self.echoed = type_text(self.console, script, manner, timeout=self.deadline)
            if self.echoed:
                self._fold()
        except ConsoleMismatch as error:
            if self.last:
                facts = f"Command {quoted(self.command)} was not run. {error.facts}"
                raise error.reworded(CommandFailed, facts) from error
            return False
        except BaseException:
            self._interrupt()
            raise
        return True

    def _fold(self) -> None:
        """Let messages show the command in place of what came back, behind the prompt that was still to come."""
        came = self.console.text(self.start)[: max(0, self.typed_until - self.start)]
        prompt, typed, rest = came.partition(_TYPED_FIRST)
        self.console.fold(self.start + len(prompt), typed + rest, self.command)

    def result(self) -> CommandResult | None:
        """Wait for the markers and return what is between them, and the status; None if no shell took the command."""
        try:
            return self._collected()
        except CommandFailed:
            if self._interruptible:
                with contextlib.suppress(InfrastructureError):
                    interrupt(self.console, Deadline(self.console.timing.answer_timeout))
            raise
        except BaseException:
            self._interrupt()
            raise

    @property
    def _interruptible(self) -> bool:
        """Whether a shell has taken the line and is there: Ctrl-C would stop what a boot loader does."""
        return self.sign is None and self.logout is None and self.token in self.console.text(self.start)

    def _interrupt(self) -> None:
        if self._interruptible:
            with contextlib.suppress(InfrastructureError):
                self.console.write(INTERRUPT)

    def _collected(self) -> CommandResult | None:
        looked, quiet_since = self.start, clock.seconds()
        while True:
            end = self.console.end
            # What is new decides whether all of it has to be looked at.
            raw = self.console.text(max(self.start, looked - OVERLAP))
            if end != looked:
                looked, quiet_since = end, clock.seconds()
                if (result := self._looked(raw, without_kernel_messages(raw))) is not None:
                    return result
            prompt, quiet = self._classified(raw).kind, clock.seconds() - quiet_since
            if (result := self._restarted(prompt, quiet)) is not None:
                return result
            self._check_shell(prompt is PromptKind.LOGIN)
            if self.console.end != end:
                continue
            if self._untaken(clock.seconds() - quiet_since):
                return None
            if not self.console.wait_for_output(self.deadline.at_most(0.5), self._text) and self.deadline.expired:
                raise self._unfinished()

    def _classified(self, text: str) -> Prompt:
        return classify(text, self.console.prompts)

    @property
    def _text(self) -> str:
        return f"the end of command {quoted(self.command)}"

    def _looked(self, raw: str, recent: str) -> CommandResult | None:
        """Look at what is new: raw, and without kernel messages."""
        self.began = self.began or self._marker in recent
        if self.done is None and re.search(rf"{self._end_marker}\d+:", recent):
            self.done = self._parsed()
            if self.done is not None and not self.restarts:
                self.console.cursor = self.console.end
                self.console.prompt_due = self.console.sent
                return self.done
        elif not self.began and (wrong := _COMPLAINT.search(recent)):
            # The shell says the rest of its complaint before the next command may take that for its own.
            let_settle(self.console, self.deadline)
            said = printable(self.console.hidden(wrong.group().strip()))
            raise CommandFailed(f"The shell did not understand command {quoted(self.command)}: {said}")
        if self.began or self.restarts:
            self._look_for_restart(raw)
        else:
            self._check_up()
        return None

    def _look_for_restart(self, text: str) -> None:
        sign = last_sign(text, self.command)
        if sign is not None and (self.sign is None or sign.line != self.sign.line):
            self.sign, self.noticed = sign, clock.seconds()

    def _check_up(self) -> None:
        """Raise if the system goes down while the command is typed: a boot loader would get the rest.

        Raises:
            CommandFailed: It does.
        """
        self.typed_until = self.console.end
        self._look_for_restart(self.console.text(self.start))
        if self.sign is not None:
            raise CommandFailed(f"Command {quoted(self.command)} was not run: {restart_told(self.console, self.sign)}")

    def _parsed(self) -> CommandResult | None:
        """Return the result if both markers are there.

        Raises:
            CommandFailed: The first one never will be.
        """
        text = without_erased(self.console.text(self.start))
        if self.newer_than is None and self.asks and STAMP.search(text):
            end = self.console.end
            self.newer_than = self._asked()
            if self.newer_than is not None:
                self.console.look_again(self.start, end, self.newer_than)
        found = self._between(*separate(text, self.newer_than)) or self._between(*separate(text, -1.0))
        if found is None and self.start < self.console.start:
            raise CommandFailed(
                f"Command {quoted(self.command)} printed more than a console keeps; its output is in the transcript "
                f"only. Write it to a file on the device, or print less."
            )
        if found is None and self._marker not in without_kernel_messages(text):
            raise CommandFailed(
                f"Command {quoted(self.command)} was run, but the marker before its output was lost; what it printed "
                f"is not known. The console said:\n{tail(self.console.folded(self.start), 10)}"
            )
        return found

    def _asked(self) -> float | None:
        """Return the kernel's time when the command began, by asking for its present one; None if it is unknown."""
        passed = clock.seconds()
        try:
            limit = self.deadline.within(self.console.timing.probe_timeout)
            run = _Run(self.console, "cat /proc/uptime", limit, False, True, asks=False)
            answer = run.result() if run.typed(TypingOptions(erase=INTERRUPT, again=0)) else None
        except CommandFailed:
            return None
        uptime = _UPTIME.search(answer.stdout) if answer is not None else None
        return float(uptime[1]) - (passed - self.begin) - SLACK_S if uptime is not None else None

    def _between(self, text: str, messages: list[tuple[int, str]]) -> CommandResult | None:
        first = text.find(self._marker)
        begin = text.find("\n", first) + 1
        end = text.rfind(f"\n{self._end_marker}")
        status = re.compile(r":(\d+):").search(text, end + len(self._end_marker))
        if first < 0 or not begin or end < begin - 1 or status is None:
            return None
        kernel = [line for position, line in messages if begin <= position <= end]
        self._learn(messages)
        output = text[begin:end].removesuffix("\n")
        return CommandResult(self.command, output, int(status[1]), clock.seconds() - self.begin, "\n".join(kernel))

    def _learn(self, messages: list[tuple[int, str]]) -> None:
        stamp = STAMP.match(messages[-1][1]) if messages else None
        if stamp is not None:
            self.console.kernel.learn(float(stamp[1]), clock.seconds())

    def _restarted(self, prompt: PromptKind, quiet: float) -> CommandResult | None:
        """Return the result of a command that restarts the board, once the board has restarted.

        Args:
            prompt: What the last line of the console asks for.
            quiet: Seconds since the console said something.

        Raises:
            CommandFailed: It has, and should not have.
        """
        sign, prompts = self.sign, prompt in _AFTER_RESTART
        if self.restarts:
            return self._restart_result(prompts, quiet)
        if sign is None:
            return None
        # A command may print the log of an earlier boot; but then it goes on, and ends.
        if sign.stage == "kernel":
            certain = quiet > RESTART_S and self._runs_anew
        else:
            certain = sign.stage != "down" and clock.seconds() - self.noticed > RESTART_S
        if certain or prompts or self.deadline.expired:
            raise CommandFailed(
                f"Command {quoted(self.command)} did not end: {restart_told(self.console, sign)}",
                hint=Hint.EXPECT_RESTART,
            )
        return None

    def _restart_result(self, prompts: bool, quiet: float) -> CommandResult | None:
        """Return the result once the board has restarted; where nothing else tells, it asks for a login again."""
        sign, text = self.sign, self.console.text(self.start)
        said, _, behind = (text, "", "") if sign is None else text.rpartition(sign.line)
        self.logout = (self.logout or clock.seconds()) if prompts else None
        if sign is None:
            over = self.logout is not None and clock.seconds() - self.logout > LOGOUT_S
        elif sign.stage == "power":
            over = prompts or bool(behind.strip()) or quiet > self.console.timing.boot_silence
        else:
            over = prompts or sign.begins
        if not over or self.done is not None:
            return self.done if over else None
        output = said.partition(f"{self._marker}\n")[2].strip("\n")
        return CommandResult(self.command, output, None, clock.seconds() - self.begin)

    @property
    def _runs_anew(self) -> bool:
        """Whether the last message of the kernel is older than one that came before the command."""
        stamps = STAMP.findall(self.console.text(max(self.start, self.console.end - OVERLAP)))
        before = self.console.kernel.last
        return before is not None and bool(stamps) and float(stamps[-1]) < before

    def _check_shell(self, at_login: bool) -> None:
        """Raise if the shell has ended: where the command began, the caller has to log in again.

        Raises:
            CommandFailed: It has.
        """
        if self.restarts:
            return
        if not self.began or self.sign is not None or not at_login:
            self.logout = None
        elif self.logout is None:
            self.logout = clock.seconds()
        elif clock.seconds() - self.logout > LOGOUT_S:
            raise CommandFailed(
                f"Command {quoted(self.command)} ended the shell itself; console {self.console.title} asks for a "
                f"login again. In parentheses, a command ends no more than itself."
            )

    def _untaken(self, quiet: float) -> bool:
        """Whether the command was lost on its way to a shell, and may be typed again."""
        if self.began or quiet < self.console.timing.answer_timeout or self.deadline.expired:
            return False
        # Where it was typed while the board still booted, its login may have got it.
        expect_shell(self.console, self.command, self.deadline)
        if self.last:
            return False
        if self.echoed and self._classified(self.console.text(self.start)).kind is not PromptKind.CONTINUATION:
            return False  # the terminal has it; the shell is busy
        if self.echoed:
            abandon_line(self.console, self.deadline)
        else:
            self.console.write(b"\n", self.deadline)
            let_settle(self.console, self.deadline)
        return True

    def _unfinished(self) -> CommandFailed:
        limit = format_duration(self.deadline.timeout or 0)
        if self.done is not None:
            ended = f"ended with status {self.done.status}, but no restart followed in {limit}."
            return CommandFailed(f"Command {quoted(self.command)} {ended}")
        died, hint = self.console.panic(self.start)
        text = self.console.shown(self.start)
        # A message of the kernel may cut the marker.
        text = text if self._marker in text else without_kernel_messages(text)
        _, began, output = text.rpartition(self._marker)
        if began:
            seen = output.strip().splitlines()[-10:]
            shown = "It printed:\n" + indented(seen) if seen else "It printed nothing."
            return CommandFailed(
                f"Command {quoted(self.command)} did not finish within {limit} and was interrupted.{died} {shown}",
                hint=hint,
            )
        seen = self.console.folded(self.start).strip().splitlines()[-10:]
        shown = "The console said:\n" + indented(seen) if seen else "The console was silent."
        return CommandFailed(
            f"Command {quoted(self.command)} found no shell on console {self.console.title} within {limit}.{died} "
            f"{shown}",
            hint=hint or Hint.CHECK_LOGIN,
            fault=self.console.fault(self.start),
        )


def _script(command: str, token: str, size: int) -> str:
    """Return what is typed to run a command between two markers.

    In single quotes, nothing of the command reaches the shell before it is whole: neither ``!`` nor an open quote. With
    ``command``, a mistake in it does not end the list; with ``&&``, no failure ends a shell that has ``set -e``. A
    backslash keeps aliases away, and ``2>&-`` what ``set -x`` would print. The newline before the last marker makes it
    a line of its own, behind any end of the output, which no escape sequence swallows either. The ``:`` is for bash,
    which does not know a brace for what it is where a command before it had a mistake.
    """
    typed = "\n".join(_folded(line, size) for line in command.split("\n"))
    end = f"\n{as_typed(end_marker(token))}"
    begin, good, bad = (
        f'{{ \\echo "{marker}"; }} 2>&-' for marker in (as_typed(begin_marker(token)), f"{end}0:", f"{end}$?:")
    )
    return f"{_TYPED_FIRST} {begin}; command eval '{typed}' && {good} || {bad}"


def _folded(line: str, size: int) -> str:
    """Return a line of a command as it is typed within single quotes, in pieces that every line editor takes.

    None begins with a blank: behind a prompt, one that came twice could not be told.
    """
    pieces = (line[start : start + size] for start in range(0, max(1, len(line)), size))
    quoted = (piece.replace("'", "'\\''") for piece in pieces)
    return "'\\\n'".join(f"''{piece}" if piece[:1].isspace() else piece for piece in quoted)


def _check(command: str) -> None:
    if not command.strip():
        raise UsageError("The command is empty. Give a shell command to run on the console.")
    control = _CONTROL.search(command)
    if control is not None:
        raise UsageError(
            f"The command holds the control character {control.group()!r}, which a shell's line editor would act on. "
            f"Let printf make it on the device, or write the command to a file there."
        )
