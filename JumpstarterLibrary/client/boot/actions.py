"""Actions of a way from state to state, step by step, as states files define them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from JumpstarterLibrary.client.boot.builtin_transitions import switch_on
from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.interrupt import interrupt_boot
from JumpstarterLibrary.client.boot.keys import key_bytes
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import (
    InvalidSetting,
    InvalidValue,
    filled_text,
    filled_texts,
    shown,
    type_name,
    within,
)
from JumpstarterLibrary.errors import CommandFailed

Action = Callable[[Context], None]

POWER = ("on", "off", "cycle")


def make_action(item: object) -> Action:
    """Return what an item of a list of actions stands for: a mapping of one name to what it needs.

    Raises:
        InvalidSetting: It stands for nothing.
    """
    if not isinstance(item, Mapping) or len(item) != 1:
        raise InvalidSetting("", "an action is a mapping of one name, such as 'type: boot'.")
    ((name, value),) = item.items()
    make = _MAKERS.get(str(name))
    if make is None:
        raise InvalidSetting("", f"there is no action {shown(name)}, only {', '.join(_MAKERS)}.")
    with within(str(name)):
        return make(value)


def one_after_another(actions: Sequence[Action]) -> Callable[[Context], None]:
    """Return a function that does several actions."""

    def act(context: Context) -> None:
        for action in actions:
            action(context)

    return act


def _power(value: object) -> Action:
    # YAML takes on and off for truth values.
    how = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
    if how not in POWER:
        raise InvalidValue(f"one of {', '.join(POWER)}", shown(value))

    def act(context: Context) -> None:
        supply = context.board.supply
        if how in ("off", "cycle"):
            supply.switch_off(context.deadline)
        if how in ("on", "cycle"):
            switch_on(context)

    return act


def _type(value: object) -> Action:
    data = filled_text(value).encode() + b"\n"
    return lambda context: context.board.console.write(data, context.deadline)


def _key(value: object) -> Action:
    data = key_bytes(filled_text(value))
    return lambda context: context.board.console.write(data, context.deadline)


def _wait(value: object) -> Action:
    pattern = Pattern(filled_text(value))

    def act(context: Context) -> None:
        context.board.console.wait_for(pattern, context.deadline, expect_restart=True)

    return act


def _interrupt(value: object) -> Action:
    if value is not True:
        raise InvalidValue("true", shown(value))

    def act(context: Context) -> None:
        interrupt_boot(context.board, context.settings.interruption, context.deadline)

    return act


def _uboot(value: object) -> Action:
    commands = filled_texts(value)

    def act(context: Context) -> None:
        for command in commands:
            UBoot(context.board.console, context.board.prompt).checked(command, context.deadline)

    return act


def _boot(value: object) -> Action:
    command = filled_text(value)

    def act(context: Context) -> None:
        UBoot(context.board.console, context.board.prompt).enter(command, context.deadline)

    return act


def _run(value: object) -> Action:
    commands = filled_texts(value)

    def act(context: Context) -> None:
        for command in commands:
            result = run_command(context.board.console, command, context.deadline)
            if result.status != 0:
                raise CommandFailed(
                    f"Command '{command}' ended with status {result.status}, not 0. It printed: '{result.stdout}'."
                )

    return act


def _log_in(value: object) -> Action:
    if value is not True:
        raise InvalidValue("true", shown(value))

    def act(context: Context) -> None:
        log_in(context.board.console, context.settings.user, context.settings.password, context.deadline)

    return act


def _call(value: object) -> Action:
    if not isinstance(value, list) or len(value) < 2:
        raise InvalidValue("a list of a driver path, a method and its arguments", type_name(value))
    driver, method, *arguments = filled_text(value[0]), filled_text(value[1]), *value[2:]

    def act(context: Context) -> None:
        context.board.device.driver(driver).call(method, *arguments, timeout=context.deadline)

    return act


def _pause(value: object) -> Action:
    length = read_duration(value)
    return lambda context: pause(context.deadline.at_most(length))


_MAKERS: dict[str, Callable[[object], Action]] = {
    "power": _power,
    "type": _type,
    "key": _key,
    "wait": _wait,
    "interrupt": _interrupt,
    "uboot": _uboot,
    "boot": _boot,
    "run": _run,
    "log_in": _log_in,
    "call": _call,
    "pause": _pause,
}
