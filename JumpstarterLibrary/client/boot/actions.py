"""What a way from state to state does, step by step, as files say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.interrupt import interrupt_boot
from JumpstarterLibrary.client.boot.keys import key_bytes
from JumpstarterLibrary.client.boot.own_ways import switch_on
from JumpstarterLibrary.client.boot.reading import Unfit, duration, text, texts
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.errors import CommandFailed, UsageError

Action = Callable[[Context], None]

POWER = ("on", "off", "cycle")


def make_action(item: object) -> Action:
    """Return what an item of a list of actions stands for: a mapping of one name to what it needs.

    Raises:
        Unfit: It stands for nothing.
    """
    if not isinstance(item, Mapping) or len(item) != 1:
        raise Unfit("an action is a mapping of one name, such as 'type: boot'")
    ((name, value),) = item.items()
    make = _MAKERS.get(str(name))
    if make is None:
        raise Unfit(f"there is no action '{name}', only {', '.join(_MAKERS)}")
    try:
        return make(value)
    except Unfit as error:
        raise Unfit(f"'{name}': {error}") from error


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
        raise Unfit(f"power is one of {', '.join(POWER)}")

    def act(context: Context) -> None:
        supply = context.board.supply
        if how in ("off", "cycle"):
            supply.switch_off(context.deadline)
        if how in ("on", "cycle"):
            switch_on(context)

    return act


def _type(value: object) -> Action:
    data = text(value).encode() + b"\n"
    return lambda context: context.board.console.write(data, context.deadline)


def _key(value: object) -> Action:
    data = _usable(key_bytes, text(value))
    return lambda context: context.board.console.write(data, context.deadline)


def _wait(value: object) -> Action:
    pattern = _usable(Pattern, text(value))

    def act(context: Context) -> None:
        context.board.console.wait_for(pattern, context.deadline)

    return act


def _interrupt(value: object) -> Action:
    if value is not True:
        raise Unfit("interrupt takes nothing but true")

    def act(context: Context) -> None:
        interrupt_boot(context.board, context.settings.interruption, context.deadline)

    return act


def _uboot(value: object) -> Action:
    commands = texts(value)

    def act(context: Context) -> None:
        for command in commands:
            UBoot(context.board.console, context.board.prompt).checked(command, context.deadline)

    return act


def _boot(value: object) -> Action:
    command = text(value)

    def act(context: Context) -> None:
        UBoot(context.board.console, context.board.prompt).enter(command, context.deadline)

    return act


def _run(value: object) -> Action:
    commands = texts(value)

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
        raise Unfit("log_in takes nothing but true")

    def act(context: Context) -> None:
        log_in(context.board.console, context.settings.user, context.settings.password, context.deadline)

    return act


def _call(value: object) -> Action:
    if not isinstance(value, list) or len(value) < 2:
        raise Unfit("call is a list of a driver path, a method and its arguments")
    driver, method, *arguments = value

    def act(context: Context) -> None:
        context.board.device.driver(text(driver)).call(text(method), *arguments, timeout=context.deadline)

    return act


def _pause(value: object) -> Action:
    length = duration(value)
    return lambda context: pause(context.deadline.at_most(length))


def _usable(make: Callable[[str], Any], value: str) -> Any:
    try:
        return make(value)
    except UsageError as error:
        raise Unfit(str(error)) from error


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
