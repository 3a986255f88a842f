"""Keywords that detect and change the state of a device."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assertionengine import AssertionOperator
from robot.api import logger
from robot.api.deco import keyword
from robot.libraries.BuiltIn import BuiltIn

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.files import check_profiles, user_state
from JumpstarterLibrary.client.boot.model import ANY, NUDGE, TransitionRule
from JumpstarterLibrary.client.boot.profiles import apply_profile
from JumpstarterLibrary.client.boot.states import DeviceStates, states_of
from JumpstarterLibrary.client.pattern import line_ending_with
from JumpstarterLibrary.errors import BootFailed, StateMismatch
from JumpstarterLibrary.keywords.assertions import asserted
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.keywords.secret import Secret, reveal
from JumpstarterLibrary.reporting.html import table
from JumpstarterLibrary.types import StateChange


class StateKeywords(Keywords):
    """Keywords that detect and change the state of a device."""

    @keyword(tags=("States", "Setter"))
    def ensure_device_state(
        self,
        state: str,
        *,
        user: str | None = None,
        password: Secret | str | None = None,
        timeout: datetime.timedelta | None = None,
        off_time: datetime.timedelta | None = None,
        power: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> list[StateChange]:
        """Brings a device to a state, by the shortest way from wherever it is.

        The state that it is in is looked for: by what the console shows, and by typing a comment at what looks like a
        prompt. Nothing is typed while a boot loader could take it for the key that stops it, nor where a password or
        passphrase is asked for, and text that was typed at a prompt before is discarded, not run. Then it is brought to
        the next state and to the next; each step is in the log with its duration.

        | =state= | =meaning= |
        | ``off`` | without power |
        | ``bootloader`` | the boot loader waits at its prompt: U-Boot's ``=>``, or the one that was set |
        | ``login`` | the system asks who logs in |
        | ``shell`` | a user is logged in, and the shell takes commands |
        | ``press-enter`` | the system waits for the Enter key before it starts a shell |
        | ``initramfs`` | the shell of the initial RAM file system waits: ``(initramfs)``, ``dracut:/#`` |
        | ``emergency`` | the system is up for maintenance only: systemd's emergency or rescue mode, sulogin |
        | ``recovery`` | the shell of a small system for installation or repair waits: ONIE, OpenWrt's failsafe mode |
        | ``mcu-shell`` | the command prompt of firmware waits, which is no POSIX shell: Zephyr, NuttX, MicroPython |
        | any other | as `Load Device States` or `Define Device State` has defined it |

        The library brings a board to the first four only. At ``press-enter`` it presses Enter. From ``initramfs``,
        ``emergency`` and ``recovery``, which are not the system, it leads by way of ``off``, and without a power driver
        nowhere; a boot that ends there fails at once, and so does one that asks something, such as the passphrase of a
        disk. From ``mcu-shell`` no way leads to a login or a shell. In the last four, nothing is typed that was not
        asked for.

        A state that the board has failed to reach is not tried again: keywords that need it fail at once, and tell the
        first cause. A power cycle ends that (`Power Cycle`, or one on the way to another state that was reached), and
        so do a file or image that is written to the device, other states or credentials, and `Forget Device Failures`.

        Args:
            state: The state.
            user: Who logs in. Default: what `Set Device Credentials` or the states file says, otherwise ``root``.
            password: Password for it. A ``Secret`` is shown in no log. Default: that of `Set Device Credentials`.
            timeout: For all steps together. Default: ``state_timeout`` of `Timing`.
            off_time: How long the board stays without power in a power cycle. Default: ``off_time`` of the states
                file, otherwise ``power_off_time`` of `Timing`.
            power: Path of the power driver; remembered. Default: the one of the U-Boot driver, the one beside the
                serial driver, or the only one.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Returns:
            The steps, with the attributes ``source``, ``target`` and ``seconds``; none if it was in that state.

        Raises:
            BootFailed: A step failed; the error has the last lines, or the trace of a kernel that died.
            StateBroken: The board has failed before to reach a state that is needed.

        Example:
        | Ensure Device State    bootloader
        | Run U-Boot Command    setenv bootargs console=ttyS0
        | Ensure Device State    shell    password=${PASSWORD}
        | [Teardown]    Ensure Device State    off
        """
        states = self._states(device, driver)
        if power is not None:
            states.configure(dataclasses.replace(states.settings, power=power))
        changes: dict[str, Any] = {}
        if user is not None:
            changes["user"] = user
        if password is not None:
            changes["password"] = reveal(password)
        if off_time is not None:
            changes["off_time"] = off_time.total_seconds()
        steps = states.ensure(state, timeout, dataclasses.replace(states.settings, **changes))
        if steps:
            rows = [(step.source, step.target, f"{step.seconds:.2f}") for step in steps]
            logger.info(table(f"To state '{state}'", ("from", "to", "seconds"), rows), html=True)
        else:
            logger.info(f"The device is in state '{state}' already.")
        return steps

    @keyword(tags=("States", "Getter", "Assertion"))
    def get_device_state(
        self,
        assertion_operator: AssertionOperator | None = None,
        expected: Any = None,
        *,
        look: bool = True,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> Any:
        """Returns the state that a device is in, and checks it if an assertion is given.

        See `Ensure Device State` for how it is looked for. A device that is on its way from one state to another, or
        that answers nothing, is in state ``unknown``; the log tells why.

        Args:
            assertion_operator: What to check; see `AssertionOperator`. Default: nothing.
            expected: What to check it with.
            look: Whether to look at the device. Without, it is the state that it was seen in last, unless it has become
                ``unknown`` since: by a power action or a reset button, a banner of a restart, a panic or a gap of the
                link. Default: yes.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Raises:
            StateMismatch: The assertion is not met.

        Example:
        | ${state} =    Get Device State
        | Get Device State    matches    login|shell
        """
        states = self._states(device, driver)
        state, reason = states.get() if look else (states.known, "")
        if reason:
            logger.info(f"The state is not known, because {reason}.")
        what = f"The state of the board on console {states.board.console.title}"
        return asserted(state, assertion_operator, expected, what=what, message=message, error=StateMismatch)

    @keyword(tags=("States", "Assertion"))
    def device_state_should_be(
        self,
        expected: str,
        *,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Checks which state a device is in.

        Args:
            expected: The state that it should be in; may be ``unknown``.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Raises:
            StateMismatch: It is in another one; the error has the last lines.
            StateBroken: Likewise, and the device has failed before to reach the expected one.

        Example:
        | Write To Console    exit
        | Device State Should Be    login
        """
        try:
            self._states(device, driver).should_be(expected)
        except StateMismatch as error:
            if message is None:
                raise
            raise error.reworded(StateMismatch, f"{message}: {error.facts}") from error

    @keyword(tags=("States", "Setter"))
    def load_device_states(self, path: Path, *, device: str | None = None, driver: str | None = None) -> list[str]:
        r"""Reads from a YAML file how a device boots, and states of one's own.

        All parts may be left out:

        |  settings:
        |    prompt: "=>"              # what the boot loader's prompt begins with
        |    key: space                # what stops the boot, see `Interrupt Boot`
        |    pattern: autoboot         # when
        |    interval: 100 ms
        |    boot:                     # U-Boot commands that start a system, the last one does not come back;
        |    - setenv bootargs quiet   # without them the board boots by itself, or on boot
        |    - run bootcmd
        |    off_time: 2 s             # without power in a power cycle; none in an emulator
        |    user: root
        |    login_prompt: "Kennung:"  # how the line ends at which a login asks for the user, if it is an unusual one
        |    password_prompt: "Losung:"  # likewise, for the password
        |    power: relays.main        # path of the power driver
        |    line_end: cr              # what the board takes for Enter: lf, cr or crlf; default: lf, and cr where a
        |                              # comment that is typed at a prompt shows that lf is not taken
        |  timing:                     # time limits and pauses of this board, see `Timing`
        |    boot_timeout: 10 min
        |    echo_timeout: 2 s
        |  states:
        |    recovery:
        |      detect: "recovery#"     # how the last line ends then, or regexp: and a regular expression
        |      nudge: none             # what makes it show itself again; default: Ctrl-U and a comment
        |      timeout: 60 s           # of each way that leads to it
        |      enter:                  # from which states, and by what; any means from everywhere
        |        bootloader:
        |        - uboot: setenv recovery yes
        |        - boot: run bootcmd
        |  failing_patterns: [linux]   # as of `Register Failing Console Pattern`
        |  profiles:                   # for kinds of boards, see `Profiles`

        The actions:

        | =action= | =what it does= |
        | ``power: on``, ``off``, ``cycle`` | switches power |
        | ``type: text`` | types a line on the console |
        | ``key: esc`` | presses a key, see `Interrupt Boot` |
        | ``wait: pattern`` | waits until the console says something |
        | ``interrupt: true`` | stops the boot |
        | ``uboot: command`` | runs a U-Boot command, or a list of them, which must succeed |
        | ``boot: command`` | enters a U-Boot command that does not come back |
        | ``run: command`` | runs a shell command, or a list of them, which must succeed |
        | ``log_in: true`` | logs in |
        | ``call: [driver, method, arguments]`` | calls a driver |
        | ``pause: 1 s`` | waits |

        A way to one of the library's own states takes the place of the library's. Passwords are no matter for files:
        see `Set Device Credentials`.

        Args:
            path: The file.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Returns:
            The names of the states that it defines.

        Raises:
            ConfigurationError: It cannot be read, or does not say what it should.

        Example:
        | Load Device States    ${CURDIR}/states.yaml
        | Ensure Device State    recovery
        """
        return self._states(device, driver).load(path)

    @keyword(tags=("States", "Setter"))
    def define_device_state(
        self,
        name: str,
        detect: str,
        *,
        enter: str | None = None,
        source: str = ANY,
        nudge: bool = True,
        timeout: datetime.timedelta = datetime.timedelta(seconds=60),
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Defines a state of one's own, which is entered by a keyword of one's own.

        For resource files; `Load Device States` does the same from YAML. Used again with another ``source``, it adds
        another way to the state.

        Args:
            name: Its name.
            detect: How the last line on the console ends then, or ``regexp:`` and a regular expression that it matches.
            enter: The keyword that brings the device there, without arguments. Default: there is no way to it.
            source: The state in which that keyword begins; ``any`` for all. Default: ``any``.
            nudge: Whether a comment that is typed then makes the line show itself again. Default: yes.
            timeout: Until the line must be there when the keyword is done. Default: 60 seconds.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Raises:
            UsageError: The name cannot be used, or there is no state ``source``.

        Example:
        | Define Device State    recovery    recovery#    enter=Start Recovery    source=bootloader
        | Ensure Device State    recovery
        """
        states = self._states(device, driver)
        state = user_state(name, detect, NUDGE if nudge else None)
        ways = (
            [TransitionRule(source, name, _by_keyword(enter), timeout=timeout.total_seconds())]
            if enter is not None
            else []
        )
        states.define([state], ways)

    @keyword(tags=("States", "Setter"))
    def set_device_credentials(
        self,
        user: str = "root",
        password: Secret | str | None = None,
        *,
        login_prompt: str | None = None,
        password_prompt: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Says who logs in when `Ensure Device State` needs a shell, and how the device asks for that.

        Args:
            user: User name. Default: ``root``.
            password: Password. A ``Secret`` is shown in no log. Default: none.
            login_prompt: How the line ends at which the device asks for the user, or ``regexp:`` and a regular
                expression; also for `Log In To Console`. ``login:``, ``Username:`` and those of other languages are
                known without. Default: as it was set before.
            password_prompt: Likewise, for the password. Default: as it was set before.
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Example:
        | Set Device Credentials    root    ${PASSWORD}
        | Ensure Device State    shell
        | Set Device Credentials    admin    ${PASSWORD}    login_prompt=Kennung:    password_prompt=Losung:
        """
        states = self._states(device, driver)
        prompts = {"login_prompt": login_prompt, "password_prompt": password_prompt}
        given: dict[str, Any] = {name: line_ending_with(text) for name, text in prompts.items() if text is not None}
        states.configure(dataclasses.replace(states.settings, user=user, password=reveal(password), **given))

    @keyword(tags=("States", "Setter"))
    def forget_device_failures(self, *, device: str | None = None, driver: str | None = None) -> None:
        """Lets states be tried again that the device has failed to reach.

        Args:
            device: Alias. Default: the current device.
            driver: Path of the U-Boot driver, or of the serial driver. Default: the only one.

        Example:
        | Write Image    repaired.img
        | Forget Device Failures
        | Ensure Device State    shell
        """
        self._states(device, driver).forget_failures()

    def _states(self, device: str | None, driver: str | None) -> DeviceStates:
        return states_of(self.device(device), driver)


def import_profiles(path: Path | str | None) -> Path | None:
    """Return the file of profiles that the library import names, once it was checked.

    Raises:
        ConfigurationError: It cannot be read, or does not say what it should.
    """
    if not path:
        return None
    check_profiles(Path(path))
    return Path(path)


def give_profile(device: Device, alias: str, path: Path) -> None:
    """Let a device have its profile from a file, and log which one and why."""
    chosen = apply_profile(device, path)
    if chosen is not None:
        logger.info(f"Device '{alias}' has the profile '{chosen.name}' of '{path}': its exporter {chosen.why}.")


def _by_keyword(name: str) -> Callable[[Context], None]:
    """Return a way that a keyword of the user's takes."""

    def act(_context: Context) -> None:
        # What ends the test anyway (its timeout, a skip) is raised here.
        status, result = BuiltIn().run_keyword_and_ignore_error(name)
        if status == "FAIL":
            raise BootFailed(f"Keyword '{name}' failed: {result}")

    return act
