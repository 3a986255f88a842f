"""The boot loader: stopping at its prompt, its commands and variables, and on to a system."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from assertionengine import AssertionOperator
from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client.boot.interrupt import interrupt_boot
from JumpstarterLibrary.client.boot.keys import key_bytes
from JumpstarterLibrary.client.boot.starting import BOOT_COMMANDS, boot_from_uboot
from JumpstarterLibrary.client.boot.states import DeviceStates, states_of
from JumpstarterLibrary.client.boot.uboot import UBoot, status_untold, wrong_status
from JumpstarterLibrary.client.boot.variables import get_variable, run_dhcp, set_variable
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.errors import CommandFailed, UsageError
from JumpstarterLibrary.keywords.assertions import asserted
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.keywords.expected_status import SUCCESS, ExpectedStatus
from JumpstarterLibrary.keywords.secret import Secret, reveal
from JumpstarterLibrary.types import CommandResult, ConsoleMatch, UBootNetwork


class BootKeywords(Keywords):
    """U-Boot, from power on to a system."""

    @keyword(tags=("Boot", "Setter"))
    def interrupt_boot(
        self,
        *,
        key: str | None = None,
        pattern: str | None = None,
        interval: datetime.timedelta | None = None,
        timeout: datetime.timedelta | None = None,
        prompt: str | None = None,
        power: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> float:
        """Stops the boot at the boot loader's prompt.

        A prompt that waits already is taken; text that was typed there before is discarded, not run. A board that has
        said nothing yet is switched on. One that runs its system already is not restarted: that is what `Power Cycle`
        and `Ensure Device State` are for.

        Defaults are those of the states file, if one was loaded; see `Load Device States`.

        Args:
            key: What stops the boot: ``space``, ``enter``, ``esc``, ``tab``, ``backspace``, ``delete``, ``f1`` to
                ``f12``, ``ctrl-c`` and so on, or any text. Default: ``space``.
            pattern: What the console says when it is time to press the key; a text, or ``regexp:`` and a regular
                expression. With an empty one the key is pressed from the beginning on, for boards that look for it only
                once. Default: ``autoboot``, in upper or lower case.
            interval: Time from one key to the next. Default: 0.1 seconds.
            timeout: Until the prompt must be there. Default: ``interrupt_timeout`` of `Timing`.
            prompt: What the prompt begins with; remembered for the keywords that follow, `Run Command` and
                `Log In To Console` among them, which type nothing there. Default: what the U-Boot
                driver tells, otherwise ``=>``.
            power: Path of the power driver. Default: the one of the U-Boot driver, the one beside the serial driver, or
                the only one.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Returns:
            The seconds that it took.

        Raises:
            BootFailed: There was no prompt in time, or the kernel was started. The error has the last lines.
            AmbiguousDriver: The board is silent, and it is unknown which of several power drivers is its own.
            LinkError: The console's stream ended.

        Example:
        | Power Cycle
        | Interrupt Boot
        | Interrupt Boot    key=esc    pattern=Press ESC    interval=50 ms    prompt=U-Boot>
        """
        states = self._states(device, driver, prompt=prompt, power=power)
        how = states.settings.interruption
        if key is not None:
            how = dataclasses.replace(how, key=key_bytes(key))
        if pattern is not None:
            how = dataclasses.replace(how, pattern=str(Pattern(pattern)) if pattern else "")
        if interval is not None:
            how = dataclasses.replace(how, interval=interval.total_seconds())
        seconds = interrupt_boot(states.board, how, timeout)
        logger.info(f"The prompt '{states.board.prompt}' is there after {seconds:.3f} seconds.")
        return seconds

    @keyword("Run U-Boot Command", tags=("Boot", "Setter"))
    def run_uboot_command(
        self,
        command: str,
        *,
        expect_status: ExpectedStatus = SUCCESS,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> CommandResult:
        """Runs a command at U-Boot's prompt.

        Text that was typed there before is discarded, and nothing is ever repeated. The command is entered only
        when its echo is right: one that is longer than U-Boot's lines is not run in part. A command that restarts the
        board or starts a kernel fails at once; those are for `Boot From U-Boot`.

        U-Boot without hush does not tell the status (``$?``). The result has ``None`` for it, or 1 if U-Boot does
        not know the command; whether the command has succeeded is for a look at its output then.

        Args:
            command: One line of U-Boot's language; several commands are joined by ``;`` or ``&&``.
            expect_status: The status it must have: ``0``, one of ``0, 1``, any but ``!0``, or ``any``. Default: 0,
                as far as U-Boot tells.
            timeout: Until the prompt must be back; the command is interrupted with Ctrl-C then. Default:
                ``uboot_command_timeout`` of `Timing`.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Returns:
            The result, with the attributes ``stdout`` (without echo and prompt), ``status`` and ``duration`` (seconds).

        Raises:
            CommandFailed: It had another status, or none was told where one was asked for; it was not done in time,
                did not come back, did not arrive as it was typed, or there is no prompt.

        Example:
        | ${result} =    Run U-Boot Command    version
        | Should Contain    ${result.stdout}    U-Boot
        | Run U-Boot Command    test 1 -eq 2    expect_status=1
        """
        expected = ExpectedStatus.of(expect_status)
        if expected.restart:
            raise UsageError("A command of U-Boot's that restarts the board does not come back. Use Boot From U-Boot.")
        result = self._uboot(device, driver).run(command, timeout)
        told = "No status was told" if result.status is None else f"Status {result.status}"
        logger.info(f"{told} after {result.duration:.3f} seconds. Output:\n{result.stdout}")
        if result.status is None:
            if expected.statuses and expected is not SUCCESS:  # which is the default, and was not asked for
                raise status_untold(result)
        elif not expected.meets(result.status):
            raise wrong_status(result, expected.unmet)
        return result

    @keyword("Get U-Boot Variable", tags=("Boot", "Getter", "Assertion"))
    def get_uboot_variable(
        self,
        name: str,
        assertion_operator: AssertionOperator | None = None,
        expected: Any = None,
        *,
        timeout: datetime.timedelta | None = None,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> Any:
        """Returns a variable of U-Boot's environment, and checks it if an assertion is given.

        Args:
            name: Its name.
            assertion_operator: What to check; see `AssertionOperator`. Default: nothing.
            expected: What to check it with.
            timeout: Until U-Boot must have answered. Default: ``uboot_command_timeout`` of `Timing`.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Returns:
            Its value; ``None`` if it is not defined.

        Raises:
            CommandFailed: The assertion is not met, there is no prompt, or U-Boot does not answer as it should.

        Example:
        | ${delay} =    Get U-Boot Variable    bootdelay
        | Get U-Boot Variable    bootargs    contains    console=ttyS0
        | Get U-Boot Variable    no_such_variable    ==    ${None}
        """
        value = get_variable(self._uboot(device, driver), name, timeout)
        what = f"U-Boot's variable '{name}'"
        return asserted(value, assertion_operator, expected, what=what, message=message, error=CommandFailed)

    @keyword("Set U-Boot Variable", tags=("Boot", "Setter"))
    def set_uboot_variable(
        self,
        name: str,
        value: str | None = None,
        *,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Sets a variable of U-Boot's environment, or deletes it, and looks whether U-Boot has it so.

        It lasts until the board restarts, unless ``saveenv`` is run.

        Args:
            name: Its name.
            value: Its value, which reaches U-Boot as it is: quotes, backslashes, ``$`` and ``;`` have no meaning.
                Default: the variable is deleted; likewise by an empty value.
            timeout: Until U-Boot must have answered. Default: ``uboot_command_timeout`` of `Timing`.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Raises:
            CommandFailed: There is no prompt, or U-Boot refused, or has another value now.

        Example:
        | Set U-Boot Variable    bootargs    console=ttyS0 panic=5
        | Set U-Boot Variable    greeting    it's \\${not} expanded; really
        | Set U-Boot Variable    greeting
        """
        set_variable(self._uboot(device, driver), name, value, timeout)

    @keyword("Boot From U-Boot", tags=("Boot", "Setter"))
    def boot_from_uboot(
        self,
        *commands: str,
        pattern: str | None = None,
        user: str | None = None,
        password: Secret | str | None = None,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> ConsoleMatch:
        """Starts a system from U-Boot's prompt, and waits until it is there.

        Ends early when U-Boot comes back to its prompt, and when the kernel panics; the error has the whole trace then.

        Args:
            commands: What starts it: all but the last must end with status 0, the last does not come back. Default:
                those of the states file, otherwise ``boot``.
            pattern: What the console says when the system is there; a text, or ``regexp:`` and a regular expression.
                Default: it stands still at the prompt of a login or a shell.
            user: Log in as this user then. Default: do not log in.
            password: Password for it. A ``Secret`` is shown in no log. Default: none.
            timeout: For all of it. Default: ``boot_timeout`` of `Timing`, and ``login_timeout`` to log in.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Returns:
            Where that was said: a match with the attributes ``text``, ``before``, ``groups`` and ``seconds``.

        Raises:
            BootFailed: U-Boot came back, the kernel died, or it took too long.
            CommandFailed: There is no prompt, or one of the first commands failed.
            LoginFailed: The system is there, and the login failed.

        Example:
        | Interrupt Boot
        | Boot From U-Boot    user=root    password=${PASSWORD}
        | Boot From U-Boot    load mmc 0 \\${loadaddr} Image    booti \\${loadaddr}    pattern=login:
        """
        states = self._states(device, driver)
        limit = None if timeout is None else Deadline(timeout)
        match = boot_from_uboot(states.board, commands or states.settings.commands or BOOT_COMMANDS, pattern, limit)
        logger.info(f"The system is there after {match.seconds:.3f} seconds: '{match.text.strip()}'.")
        if user is not None:
            log_in(states.board.console, user, reveal(password), limit)
        return match

    @keyword("U-Boot DHCP", tags=("Boot", "Getter"))
    def uboot_dhcp(
        self,
        *,
        tries: int = 3,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> UBootNetwork:
        """Lets U-Boot get an address by DHCP, and loads nothing.

        U-Boot's variable ``autoload`` is ``no`` meanwhile, and then what it was before.

        Args:
            tries: How often it asks, with two seconds in between. Default: 3.
            timeout: For all of it. Default: ``uboot_command_timeout`` of `Timing`.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Returns:
            What it got, with the attributes ``address``, ``gateway`` and ``netmask``.

        Raises:
            BootFailed: It got no address, or no gateway.
            CommandFailed: There is no prompt.

        Example:
        | ${network} =    U-Boot DHCP
        | Log    ${network.address} behind ${network.gateway}
        """
        network = run_dhcp(self._uboot(device, driver), tries, timeout)
        logger.info(f"Address {network.address}, gateway {network.gateway}, netmask {network.netmask}.")
        return network

    def _states(self, device: str | None, driver: str | None, **changes: str | None) -> DeviceStates:
        states = states_of(self.device(device), driver)
        given = {name: value for name, value in changes.items() if value is not None}
        states.configure(dataclasses.replace(states.settings, **given))  # type: ignore[arg-type]
        return states

    def _uboot(self, device: str | None, driver: str | None) -> UBoot:
        board = self._states(device, driver).board
        return UBoot(board.console, board.prompt)
