"""Commands at U-Boot's prompt, with their output and status."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
from collections.abc import Iterable

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.boot.screen import Screen
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles import boot_messages
from JumpstarterLibrary.client.consoles.keyboard import COMMENT, ERASE, INTERRUPT
from JumpstarterLibrary.client.consoles.lost_exporter import exporter_checked
from JumpstarterLibrary.client.consoles.prompts import PS2, Prompt, PromptKind, PromptSettings, classify
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import CommandFailed, ConsoleMismatch, InfrastructureError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.printable import printable
from JumpstarterLibrary.types import CommandResult, ConsoleMatch

logger = logging.getLogger(__name__)

CARRIAGE_RETURN = b"\r"
"""Enter, where no line feed is taken for it."""

TRIES = 3
"""How often a line is typed until its echo is right."""
QUOTED = 80
"""Characters of a line that errors quote."""
PIECE = 16
"""Characters that are typed at a time where the whole line did not arrive: no more than a UART keeps."""

PAGER = "regexp:: Press SPACE to continue"
RESTARTED = f"regexp:{boot_messages.RESTARTED.pattern}"
STARTED = f"regexp:{boot_messages.STARTED.pattern}"
OPEN_SETTLE = 3
"""How many times as long as a prompt an open command has to stand still; what a command prints may look like one."""
OPEN = rf"regexp:\n{PS2}\Z"

STATUS = r"(?P<status>\d*|\$\?)"
"""What ``$?`` becomes: a number, or itself where U-Boot has the simple parser."""

_BLANK = re.compile(r"(?:[ \t]*\n)*")
_UNKNOWN = re.compile(r"Unknown command '[^\n]*' - try 'help'[^\n]*")
_PAGES = re.compile(r"\n?: Press SPACE to continue\n* *\n?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UBoot:
    """U-Boot, waiting at its prompt.

    Args:
        console: Where it waits.
        prompt: What its prompt begins with.
    """

    def __init__(self, console: Console, prompt: str) -> None:
        self.console = console
        self.prompt = prompt
        self._prompts = PromptSettings(prompt)
        self._screen = Screen(console)
        self._restarted = False
        self._shown = ""  # the whole prompt, once it was seen
        self._blank = ""  # what comes before the output of each command

    @property
    def _timing(self) -> Timing:
        return self.console.timing

    def waits(self) -> bool:
        """Return whether the last line is its prompt, perhaps with something typed behind it. Types nothing."""
        prompt = self._standing()
        return prompt.configured or prompt.kind is PromptKind.CONTINUATION

    def _standing(self) -> Prompt:
        return classify(self._screen.text(), self._prompts)

    def wake(self, timeout: Seconds = None) -> None:
        """Make U-Boot show its prompt, on a line with nothing typed behind it.

        Text that was typed there before is discarded, and no command is run or repeated.

        Args:
            timeout: Seconds or timedelta, at most the timing's ``uboot_prompt_timeout``. Default: that.

        Raises:
            CommandFailed: There is no prompt.
        """
        limit = Deadline.of(timeout).within(self._timing.uboot_prompt_timeout)
        open_quote = self._standing().kind is PromptKind.CONTINUATION
        try:
            open_quote = open_quote or self._answer(b"", limit)
            if open_quote:
                self._answer(INTERRUPT, limit)
        except ConsoleMismatch as error:
            raise self._screen.failure(
                CommandFailed,
                f"There is no U-Boot prompt '{self.prompt}' on console {self.console.title} within "
                f"{format_duration(limit.timeout or 0)}.",
                hint=Hint.STOP_BOOT,
            ) from error

    def _answer(self, before: bytes, limit: Deadline) -> bool:
        """Type a comment, and wait for the prompt behind it; return whether a quote is open instead.

        Raises:
            ConsoleMismatch: Neither came.
        """
        since = self.console.end
        self.console.write(before + ERASE + COMMENT, limit)
        shown = re.escape(self.prompt)
        # The simple parser knows no comments, and some print a blank line before anything.
        wanted = [f"#\n{self.prompt}", OPEN, rf"regexp:#[^\n]*\n(?P<said>(?:[^\n]*\n)+?){shown}"]
        while True:
            index, match = self._prompted(wanted, limit, since)
            if index < 2 or not self._screen.changes(self._timing.prompt_settle, limit):
                self._blank = _BLANK.match(match.groups.get("said") or "")[0]  # type: ignore[index]
                return index == 1
            since = match.end

    def _prompted(self, wanted: list[str], limit: Deadline, since: int) -> tuple[int, ConsoleMatch]:
        """Wait for what a comment is answered with; where its line end seems not to have been taken, try another.

        The comment is U-Boot's last command then, which an empty line would repeat.
        """
        if self.console.line_end is None:
            with contextlib.suppress(ConsoleMismatch):
                soon = limit.within(limit.at_most(2 * self._timing.answer_timeout) / 2)
                return self._wait_for_any(wanted, soon, since=since)
            standing = self._standing()
            if "#" in (standing.typed, standing.line):
                self.console.write(CARRIAGE_RETURN, limit)
                found = self._wait_for_any(wanted, limit, since=since)
                self.console.line_end = CARRIAGE_RETURN
                logger.info("Console %s takes a carriage return for Enter, and no line feed.", self.console.title)
                return found
        return self._wait_for_any(wanted, limit, since=since)

    def run(self, command: str, timeout: Seconds = None) -> CommandResult:
        """Run a command and return its output, status and duration.

        U-Boot without hush does not tell the status, which is None then, or 1 for a command that it does not know.

        The line is entered only when its echo is right, so that none ever runs that was cut short.

        Args:
            command: One line of U-Boot's language.
            timeout: Seconds or timedelta until the prompt must be back. Default: the timing's
                ``uboot_command_timeout``. A command that is not done by then is interrupted with Ctrl-C.

        Raises:
            CommandFailed: There is no prompt, the line did not arrive, or the prompt did not come back.
            UsageError: The command cannot be typed.
        """
        deadline, begin = Deadline.of(timeout, self._timing.uboot_command_timeout), clock.seconds()
        self._restarted = False
        with exporter_checked(self.console):
            at = self.enter(command, deadline)
        try:
            with exporter_checked(self.console):
                output, status = self._result(command, at, deadline)
        except BaseException:
            if not self._restarted:  # a key could stop what it does then
                with contextlib.suppress(InfrastructureError):
                    self.console.write(INTERRUPT)
            raise
        return CommandResult(command, output, status, clock.seconds() - begin)

    def checked(self, command: str, timeout: Seconds = None) -> CommandResult:
        """Run a command that must succeed, as far as U-Boot tells.

        Raises:
            CommandFailed: It ended with another status than 0; otherwise as of ``run``.
        """
        result = self.run(command, timeout)
        if result.status:
            raise wrong_status(result, "not 0")
        return result

    def enter(self, command: str, timeout: Seconds = None) -> int:
        """Enter a command, and do not wait for its end; return the offset behind its echo.

        Raises:
            CommandFailed: There is no prompt, or the line did not arrive.
            UsageError: The command cannot be typed.
        """
        _check(command)
        deadline = Deadline.of(timeout, self._timing.uboot_command_timeout)
        self.wake(deadline)
        prompt = self.console.cursor - len(self.prompt)
        echo = self._type(command, deadline)
        self._shown = self.console.text(prompt)[: echo.start - prompt]
        self.console.write(b"\n", deadline)
        return echo.end

    def _result(self, command: str, at: int, deadline: Deadline) -> tuple[str, int | None]:
        """Wait for the prompt, and ask for the status; return what the command printed, and the status."""
        self._await_prompt(command, at, deadline)
        token = f"JMP{secrets.token_hex(4)}"
        # Should the command itself have printed a prompt, it reads this line when it is done.
        echo = self._type(f"echo {token}:$?:", deadline)
        self.console.write(b"\n", deadline)
        status = self._status(token, command, echo.end, deadline)
        said = self.console.text(at)[: echo.start - at]
        output = _PAGES.sub("\n", said.rpartition(f"\n{self.prompt}")[0]).removeprefix("\n")
        if self._blank:
            output = f"{output}\n".removeprefix(self._blank).removesuffix("\n")
        if status is None and _UNKNOWN.fullmatch(output.strip()):
            status = 1
        return output, status

    def _status(self, token: str, command: str, since: int, deadline: Deadline) -> int | None:
        """Return the status that U-Boot tells behind a token; None where it lacks ``$?`` or ``echo``."""
        prompt = f"\n{self.prompt}"
        index, match = self._expect([f"regexp:{token}:{STATUS}:", prompt], command, since, deadline)
        while index == 1 and not self._stands_at_prompt(deadline):
            index, match = self._expect([f"regexp:{token}:{STATUS}:", prompt], command, match.end, deadline)
        if index == 1:
            return None
        self._expect([prompt], command, match.end, deadline)
        told = match.groups["status"] or ""
        return int(told) if told.isdigit() else None

    def _await_prompt(self, command: str, at: int, deadline: Deadline) -> None:
        wanted = [f"\n{self.prompt}", PAGER, RESTARTED, OPEN, STARTED]
        since = at
        # What else is looked for meanwhile is not what is waited for.
        waiting = f"the end of U-Boot's command '{short(command)}'"
        while True:
            try:
                index, match = self._wait_for_any(wanted, deadline, since=since, waiting=waiting)
            except ConsoleMismatch as error:
                raise self._unfinished(command, at, deadline) from error
            if index == 0 and self._stands_at_prompt(deadline):
                return
            if index == 1:
                self.console.write(b" ", deadline)
            elif index == 2:
                self._restarted = True
                raise CommandFailed(
                    f"The board restarted while U-Boot ran command '{short(command)}': it said "
                    f"'{printable(self.console.hidden(match.text.strip()))}'.",
                    hint=Hint.START_FROM_UBOOT,
                )
            elif index == 3 and not self._screen.changes(OPEN_SETTLE * self._timing.prompt_settle, deadline):
                raise CommandFailed(
                    f"U-Boot waits for the rest of command '{short(command)}': a quote or an 'if' is not closed. "
                    f"It was not run."
                )
            elif index == 4:
                self._restarted = True
                raise CommandFailed(
                    f"U-Boot's command '{short(command)}' has started a kernel, and does not come back.",
                    hint=Hint.START_SYSTEM,
                )
            since = match.end

    def _stands_at_prompt(self, deadline: Deadline) -> bool:
        """Whether the last line is the prompt, and not something like it that the command has printed."""
        while classify(text := self._screen.text(), self._prompts).configured:
            if text.rpartition("\n")[2] == self._shown or not self._screen.goes_on(
                self._timing.prompt_settle, deadline
            ):
                return True
        return False

    def _expect(self, wanted: list[str], command: str, since: int, deadline: Deadline) -> tuple[int, ConsoleMatch]:
        try:
            return self._wait_for_any(wanted, deadline, since=since)
        except ConsoleMismatch as error:
            raise self._unfinished(command, since, deadline) from error

    def _type(self, line: str, deadline: Deadline) -> ConsoleMatch:
        """Type a line without entering it, and return where its echo is."""
        heard: list[str] = []
        for number in range(TRIES):
            # Twice and three times as long where it came wrong before.
            start, patience = self.console.end, self._timing.echo_timeout * (number + 1)
            try:
                if number == 0:
                    return self._echoed(line, start, patience, deadline)
                for begin in range(0, len(line), PIECE):
                    self._echoed(line[begin : begin + PIECE], self.console.cursor, patience, deadline)
                return self._wait_for_any([Pattern.of_text(line)], 0, since=start)[1]
            except ConsoleMismatch:
                heard.append(self.console.text(start).lstrip())
                self.wake(deadline)
            if len(heard) > 1 and heard[-1] == heard[-2]:
                break
        if line.startswith(heard[-1]):
            raise CommandFailed(
                f"U-Boot took only {len(heard[-1])} of the {len(line)} characters of '{short(line)}', which was not "
                f"run. Its lines are no longer than that (CONFIG_SYS_CBSIZE). Split it, for example with variables."
            )
        came = short(printable(self.console.hidden(heard[-1])))
        raise CommandFailed(
            f"What was typed did not arrive at U-Boot on console {self.console.title}, and was not run: "
            f"typed '{short(line)}', shown '{came}'. It was tried {len(heard)} times."
        )

    def _echoed(self, text: str, since: int, patience: float, deadline: Deadline) -> ConsoleMatch:
        """Type a text and wait until it is shown, for as long as anything comes."""
        self.console.write(text.encode(), deadline)
        while True:
            end = self.console.end
            try:
                return self._wait_for_any([Pattern.of_text(text)], deadline.within(patience), since=since)[1]
            except ConsoleMismatch:
                if self.console.end == end or deadline.expired:
                    raise

    def _wait_for_any(
        self, patterns: Iterable[Pattern | str], timeout: Seconds, *, since: int, waiting: str | None = None
    ) -> tuple[int, ConsoleMatch]:
        # What follows a failing line is a prompt or an echo, and not what a test was waiting for.
        return self.console.wait_for_any(
            patterns, timeout, since=since, waiting=waiting, crash_expected=False, expect_restart=True
        )

    def _unfinished(self, command: str, at: int, deadline: Deadline) -> CommandFailed:
        return self._screen.failure(
            CommandFailed,
            f"U-Boot's command '{short(command)}' did not finish within "
            f"{format_duration(deadline.timeout or 0)} and was interrupted.",
            at,
        )


def short(line: str) -> str:
    """Return a line as errors quote it."""
    return line if len(line) <= QUOTED else f"{line[: QUOTED - 3]}..."


def wrong_status(result: CommandResult, unmet: str) -> CommandFailed:
    """Return the error for a command that ended with another status.

    Args:
        result: The result.
        unmet: The end of the sentence that tells the status, such as ``not 0``.
    """
    return CommandFailed(
        f"U-Boot's command '{result.command}' ended with status {result.status}, {unmet}. {_printed(result)}"
    )


def status_untold(result: CommandResult) -> CommandFailed:
    """Return the error for a command whose status was asked for, and is not told."""
    return CommandFailed(
        f"U-Boot does not tell the status of command '{result.command}': its shell does not know '$?', for which it is "
        f"built with CONFIG_HUSH_PARSER. Ask for no status, and check the output. {_printed(result)}"
    )


def _printed(result: CommandResult) -> str:
    last = "\n".join(f"  {line}" for line in result.stdout.splitlines()[-10:])
    return f"It printed:\n{last}" if last else "It printed nothing."


def _check(command: str) -> None:
    if not command.strip():
        raise UsageError("The command is empty, and U-Boot would repeat the last one. Give a command.")
    if control := _CONTROL.search(command):
        raise UsageError(
            f"The command has the control character {control[0]!r}, which U-Boot would take for a key. "
            f"Give one line of text."
        )
