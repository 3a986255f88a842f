"""U-Boot's environment, and its network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.errors import BootFailed, CommandFailed, UsageError
from JumpstarterLibrary.types import UBootNetwork

DHCP_TRIES = 3
BETWEEN_TRIES = "sleep 2"
NETMASK = "255.255.255.0"
"""Where DHCP gives none."""

_NAME = re.compile(r"[^\s\x00-\x1f\x7f=;'\"\\$#&|<>-][^\s\x00-\x1f\x7f=;'\"\\$#&|<>]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def get_variable(uboot: UBoot, name: str, timeout: Seconds = None) -> str | None:
    """Return a variable; None if it is not defined.

    Args:
        uboot: U-Boot at its prompt.
        name: The variable's name.
        timeout: Seconds or timedelta. Default: the timing's ``uboot_command_timeout``.

    Raises:
        CommandFailed: U-Boot does not answer, or not as it should.
        UsageError: That is no name.
    """
    _check_name(name)
    result = uboot.run(f"printenv {name}", timeout)
    if not result.status and result.stdout.startswith(f"{name}="):
        return result.stdout.removeprefix(f"{name}=")
    if result.status != 0 and "not defined" in result.stdout:
        return None
    raise CommandFailed(f"U-Boot does not tell variable '{name}'. It said: '{result.stdout}'.")


def set_variable(uboot: UBoot, name: str, value: str | None, timeout: Seconds = None) -> None:
    """Set a variable, or delete it, and look whether U-Boot has it so.

    Args:
        uboot: U-Boot at its prompt.
        name: The variable's name.
        value: Its value, on one line; None or an empty one deletes it.
        timeout: Seconds or timedelta. Default: the timing's ``uboot_command_timeout``.

    Raises:
        CommandFailed: U-Boot refused, or has another value now.
        UsageError: That is no name, or a value that cannot be typed.
    """
    _check_name(name)
    deadline = Deadline.of(timeout, uboot.console.timing.uboot_command_timeout)
    if value and (control := _CONTROL.search(value)):
        raise UsageError(
            f"The value of U-Boot's variable '{name}' has the control character {control[0]!r}, which cannot be typed. "
            f"Give one line of text."
        )
    uboot.checked(f"setenv {name} {quoted(value)}" if value else f"setenv {name}", deadline)
    got = get_variable(uboot, name, deadline)
    if got != (value or None):
        raise CommandFailed(f"U-Boot did not take variable '{name}': it was set to '{value}', and is '{got}'.")


def quoted(value: str) -> str:
    """Return a text as one word of U-Boot's language.

    In single quotes, which old shells of U-Boot still let backslashes escape; so these are put outside.
    """
    pieces = re.split(r"(['\\])", value)
    return "".join(f"\\{piece}" if piece in ("'", "\\") else f"'{piece}'" for piece in pieces if piece) or "''"


def run_dhcp(
    uboot: UBoot, tries: int = DHCP_TRIES, timeout: Seconds = None, between: str = BETWEEN_TRIES
) -> UBootNetwork:
    """Let U-Boot get an address, without loading anything.

    Args:
        uboot: U-Boot at its prompt.
        tries: How often it asks.
        timeout: Seconds or timedelta for all of it. Default: the timing's ``uboot_command_timeout``.
        between: U-Boot's command between two tries.

    Raises:
        BootFailed: It got no address, or no gateway.
        CommandFailed: U-Boot does not answer.
    """
    deadline = Deadline.of(timeout, uboot.console.timing.uboot_command_timeout)
    with _autoload_off(uboot, deadline):
        for number in range(1, tries + 1):
            result = uboot.run("dhcp", deadline)
            if not result.status:
                break
            if number == tries or "No ethernet found" in result.stdout:
                raise BootFailed(
                    f"U-Boot got no address by DHCP in {number} tr{'y' if number == 1 else 'ies'}. "
                    f"It said: '{result.stdout.strip()}'."
                )
            uboot.run(between, deadline)
    address, gateway, netmask = (get_variable(uboot, name, deadline) for name in ("ipaddr", "gatewayip", "netmask"))
    for what, name, value in (("address", "ipaddr", address), ("gateway", "gatewayip", gateway)):
        if not value:
            raise BootFailed(f"U-Boot got no {what} by DHCP: its variable '{name}' is not defined.")
    return UBootNetwork(str(address), str(gateway), netmask or NETMASK)


@contextmanager
def _autoload_off(uboot: UBoot, deadline: Deadline) -> Iterator[None]:
    """Keep ``dhcp`` from loading a file, too; a file that is not there makes it forget the address."""
    before = get_variable(uboot, "autoload", deadline)
    set_variable(uboot, "autoload", "no", deadline)
    try:
        yield
    except BootFailed:
        set_variable(uboot, "autoload", before, deadline)
        raise
    set_variable(uboot, "autoload", before, deadline)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' is no name of a U-Boot variable. Give one without blanks, control characters, quotes, '=', ';' "
            f"or '$'."
        )
