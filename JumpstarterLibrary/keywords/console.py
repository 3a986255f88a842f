"""The console: expecting, writing, logging in, running commands."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client import Console
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import CommandFailed, ConsoleMismatch, UsageError
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.keywords.secret import Secret, reveal
from JumpstarterLibrary.types import CommandResult, ConsoleMatch, Since


class ConsoleKeywords(Keywords):
    """What the board says, and what is typed to it."""

    @keyword(tags=("Console", "Assertion"))
    def console_should_contain(
        self,
        expected: str,
        *,
        timeout: datetime.timedelta | None = None,
        since: Since = Since.cursor,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> ConsoleMatch:
        """Waits until the console has said something.

        Looks from the cursor on and moves the cursor behind the match. Nothing is removed by looking: with ``since``
        the same output can be looked at again. Line ends are ``\\n``; escape sequences are not there.

        Args:
            expected: A text, or ``regexp:`` and a regular expression, in which ``^`` and ``$`` match at line borders.
            timeout: How long to wait. Default: the library's ``timeout``. ``0`` looks only at what is there.
            since: From where to look. Default: the cursor.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Returns:
            The match, with the attributes ``text``, ``before`` and ``groups`` (the named groups).

        Raises:
            ConsoleMismatch: It did not come. The error tells how much was read, how long the console has been silent,
                the nearest line and the last 20 lines.
            LinkError: The console's stream ended before it came.

        Example:
        | Power On
        | Console Should Contain    login:    timeout=60 s
        | ${match} =    Console Should Contain    regexp:Booting kernel (?P<version>\\\\S+)    since=power_on
        | Log    ${match.groups}[version]
        """
        console = self._console(device, driver)
        limit = self.timeout if timeout is None else timeout
        with _explained(message):
            match = console.wait_for(expected, limit, since=self._since(console, since))
        logger.info(f"Found '{match.text}' after {match.seconds:.3f} seconds.")
        return match

    @keyword(tags=("Console", "Assertion"))
    def console_should_not_contain(
        self,
        unexpected: str,
        *,
        within: datetime.timedelta = datetime.timedelta(0),
        since: Since = Since.cursor,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Checks that the console has not said something, and does not say it for a while. The cursor stays.

        Args:
            unexpected: A text, or ``regexp:`` and a regular expression.
            within: How long to watch on from now; ends early when it is said. Default: only what is there already.
            since: From where to look. Default: the cursor.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            ConsoleMismatch: It was said; the error has the line.

        Example:
        | Console Should Not Contain    Kernel panic    within=5 s    since=power_on
        """
        console = self._console(device, driver)
        with _explained(message):
            console.must_not_say(unexpected, within, since=self._since(console, since))

    @keyword(tags=("Console", "Setter"))
    def write_to_console(
        self,
        text: str,
        *,
        newline: bool = True,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Types a text on the console.

        Args:
            text: What to type; sent as UTF-8. Control characters go by Robot's escapes: ``\\x03`` is Ctrl-C.
            newline: Type a line end behind it. Default: yes.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            LinkError: The console's stream has ended.

        Example:
        | Write To Console    boot
        | Write To Console    \\x03    newline=no
        """
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"The text cannot be typed: {error.reason} at character {error.start}.") from error
        self._console(device, driver).write(data + (b"\n" if newline else b""))

    @keyword(tags=("Console", "Getter"))
    def get_console_text(
        self,
        *,
        since: Since = Since.cursor,
        device: str | None = None,
        driver: str | None = None,
    ) -> str:
        """Returns what the console has said. The cursor stays, so that the same text can be had again.

        Args:
            since: From where on. Default: the cursor.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Returns:
            The text, with ``\\n`` as line end and without escape sequences.

        Example:
        | ${log} =    Get Console Text    since=power_on
        | Should Contain    ${log}    Linux version
        """
        console = self._console(device, driver)
        return console.text(self._since(console, since))

    @keyword(tags=("Console", "Setter"))
    def log_in_to_console(
        self,
        user: str = "root",
        password: Secret | str | None = None,
        *,
        timeout: datetime.timedelta = datetime.timedelta(seconds=120),
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Brings the console to a shell prompt.

        Works from any state: a board that boots is waited for, one that is silent gets a newline, and where somebody is
        logged in already nothing is done.

        Args:
            user: User name. Default: ``root``.
            password: Password, if one is asked for. A ``Secret`` is shown in no log. Default: none.
            timeout: Until the shell must answer. Default: 120 seconds.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            LoginFailed: The login was refused, a password was asked for and none given, a boot loader waits instead, or
                there was no prompt in time.

        Example:
        | Power On
        | Log In To Console    root    ${PASSWORD}
        """
        log_in(self._console(device, driver), user, reveal(password), timeout)

    @keyword(tags=("Console", "Setter"))
    def run_command(
        self,
        command: str,
        *,
        expect_status: int | Literal["any"] = 0,
        timeout: datetime.timedelta = datetime.timedelta(seconds=30),
        device: str | None = None,
        driver: str | None = None,
    ) -> CommandResult:
        """Runs a command on the shell that waits on the console.

        The output is what the command printed, neither its echo nor the prompt. It runs in the present shell: ``cd``
        and variables last.

        Args:
            command: A shell command; may have several lines.
            expect_status: The exit status it must have; ``any`` accepts all. Default: 0.
            timeout: Until it must be done; it is interrupted with Ctrl-C then. Default: 30 seconds.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Returns:
            The result, with the attributes ``stdout``, ``status`` and ``duration`` (seconds).

        Raises:
            CommandFailed: It had another status, was not done in time, or found no shell.

        Example:
        | ${result} =    Run Command    uname -r
        | Should Match Regexp    ${result.stdout}    ^6\\\\.
        | Run Command    test -e /nowhere    expect_status=1
        """
        result = run_command(self._console(device, driver), command, timeout)
        logger.info(f"Status {result.status} after {result.duration:.3f} seconds. Output:\n{result.stdout}")
        if expect_status != "any" and result.status != expect_status:
            last = "\n".join(f"  {line}" for line in result.stdout.splitlines()[-10:])
            printed = f"It printed:\n{last}" if last else "It printed nothing."
            raise CommandFailed(
                f"Command '{command}' ended with status {result.status}, not {expect_status}. {printed}"
            )
        return result

    def _console(self, device: str | None, driver: str | None) -> Console:
        return self.device(device).console(driver)

    @staticmethod
    def _since(console: Console, since: Since) -> int | None:
        return None if since is Since.cursor else console.marks.get(since.value, 0)


@contextmanager
def _explained(message: str | None) -> Iterator[None]:
    """Put the caller's own words in front of a mismatch."""
    try:
        yield
    except ConsoleMismatch as error:
        if message is None:
            raise
        raise ConsoleMismatch(f"{message}: {error}") from error
