"""The console: logging in and running commands."""

from __future__ import annotations

import datetime
from dataclasses import replace

from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.consoles.messages import quoted, tail
from JumpstarterLibrary.client.deadline import seconds
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import CommandFailed
from JumpstarterLibrary.keywords.console_base import ConsoleBase
from JumpstarterLibrary.keywords.expected_status import SUCCESS, ExpectedStatus
from JumpstarterLibrary.keywords.secret import Secret, reveal
from JumpstarterLibrary.types import CommandResult


class ConsoleShellKeywords(ConsoleBase):
    """A shell on the console."""

    @keyword(tags=("Console", "Setter"))
    def log_in_to_console(
        self,
        user: str = "root",
        password: Secret | str | None = None,
        *,
        timeout: datetime.timedelta | None = None,
        char_delay: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Brings the console to a shell prompt.

        Works from any state: a board that boots is waited for, one that is silent gets a comment, what was left running
        is interrupted with Ctrl-C, an unfinished login is left, and where a shell waits already nothing is done.
        Nothing is typed at a boot loader's prompt, and where a prompt could be a boot loader's, only a comment and an
        ``echo`` that tells. Kernel messages between and within the prompts do not matter, and logins in other languages
        are known; for others see `Set Device Credentials`.

        User and password are typed once. What follows them is waited for and never interrupted, since a profile may be
        slow; a comment is typed only after ``boot_silence`` of `Timing` without any output. A login that refuses the
        user is an error that tells why.

        Where something else is asked, it fails at once, names the question, and types nothing: a password that has
        expired, a new one for the first boot, ``sudo``, a PIN, a code, a disk's passphrase (see ``unlock_timeout`` of
        `Timing`), sulogin, ``Continue? [Y/n]``. It fails likewise at shells that are not the system's; see
        `Ensure Device State`.

        Args:
            user: User name. Default: ``root``.
            password: Password, if one is asked for. It is shown in no log and no transcript, also where the device
                echoes it; as an argument, only a ``Secret`` is not. Default: none.
            timeout: Until the shell must answer. Default: ``login_timeout`` of `Timing`.
            char_delay: Time between two typed characters. Default: ``char_delay`` of `Timing`, which is none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            LoginFailed: The login was refused, a password was asked for and none given, a boot loader, another question
                or a shell that is not the system's waits instead, or there was no prompt in time.
            DeviceCrashed: A failing pattern came meanwhile.

        Example:
        | Power On
        | Log In To Console    root    ${PASSWORD}
        """
        console = self.console(device, driver)
        log_in(console, user, reveal(password), timeout, char_delay=seconds(char_delay))

    @keyword(tags=("Console", "Setter"))
    def run_command(
        self,
        command: str,
        *,
        expect_status: ExpectedStatus = SUCCESS,
        timeout: datetime.timedelta | None = None,
        once: bool = False,
        char_delay: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> CommandResult:
        """Runs a command on the shell that waits on the console.

        The output is what the command printed, neither its echo nor the prompt. It runs in the present shell: ``cd``
        and variables last. A line that does not come back whole is not executed, but typed again.

        Nothing is typed where a boot loader, a login or a question waits, nor at the command prompt of firmware that is
        no POSIX shell (Zephyr, NuttX, MicroPython): use `Write To Console` and `Console Should Contain` there. Where
        the prompt could be a boot loader's (``board #``), an ``echo`` is typed first, which tells and does no harm.

        Kernel messages that come out meanwhile, also in the middle of a line, are not part of the output, but apart:
        those with a time in brackets that is newer than all before. What ``dmesg`` prints is output.

        Nothing is typed while a system goes down or boots: the keyword waits for its end.

        Args:
            command: A shell command; may have several lines.
            expect_status: The exit status it must have: ``0``, one of ``0, 2``, any but ``!0``, or ``any``. With
                ``restart`` the command restarts the board, and the keyword waits for the first line of firmware, boot
                loader or kernel, or for the next login. Default: 0.
            timeout: Until it must be done; it is interrupted with Ctrl-C then. Default: ``command_timeout`` of
                `Timing`.
            once: Never type it a second time in any case, except in pieces where a line editor shows long lines in
                part, and nothing was executed. Default: no.
            char_delay: Time between two typed characters. Default: ``char_delay`` of `Timing`, which is none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Returns:
            The result, with the attributes ``stdout``, ``status``, ``duration`` (seconds) and ``kernel`` (messages of
            the kernel, one a line). ``rc`` is the status, too, and ``stderr`` is empty: there is one console, on which
            errors are output. The status of a command that restarted the board may be None.

        Raises:
            CommandFailed: It had another status, was not done in time, or found no shell; or the board restarted.
            DeviceCrashed: A failing pattern came meanwhile.

        Example:
        | ${result} =    Run Command    uname -r
        | Should Match Regexp    ${result.stdout}    ^6\\\\.
        | Run Command    test -e /nowhere    expect_status=1
        | Run Command    grep -q error /var/log/messages    expect_status=0, 1
        | Run Command    reboot    expect_status=restart    timeout=1 min
        """
        console = self.console(device, driver)
        expected = ExpectedStatus.of(expect_status)
        delay = seconds(char_delay)
        found = run_command(console, command, timeout, once=once, char_delay=delay, restarts=expected.restart)
        result = replace(found, stdout=console.hidden(found.stdout), kernel=console.hidden(found.kernel))
        logger.info(f"Status {result.status} after {result.duration:.3f} seconds. Output:\n{result.stdout}")
        if result.kernel:
            logger.info(f"Messages of the kernel meanwhile:\n{result.kernel}")
        if not expected.meets(result.status):
            printed = f"It printed:\n{tail(result.stdout, 10)}" if result.stdout.strip() else "It printed nothing."
            raise CommandFailed(
                f"Command {quoted(command)} ended with status {result.status}, {expected.unmet}. {printed}"
            )
        return result
