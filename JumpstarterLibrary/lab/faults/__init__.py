"""Faults: what can go wrong in a lab, on request.

    table                  the table that everything is entered in
    options, injected      reading options; a fault from its begin to its end
    ports                  keeping the port of a server that is away
    exporters, leases, routers, controllers, identities, drivers
                           the faults, by the part that they strike

Everything else is reached through this door.
"""

from __future__ import annotations

import shlex

from JumpstarterLibrary.errors import ConfigurationError

# Each of them enters its faults into the table.
from JumpstarterLibrary.lab.faults import controllers, drivers, exporters, identities, leases, routers
from JumpstarterLibrary.lab.faults.injected import InjectedFault
from JumpstarterLibrary.lab.faults.options import Option, read_options, seconds
from JumpstarterLibrary.lab.faults.table import FAULTS, Fault, find

__all__ = ["FAULTS", "Fault", "InjectedFault", "describe_faults", "find", "parse_fault", "read_options", "spelt"]

_ENTERED = (controllers, drivers, exporters, identities, leases, routers)


def describe_faults() -> list[tuple[str, str, str, str]]:
    """Return target, name, options and description of all faults, in alphabetical order.

    The options read like ``name=…, down=0 s``, with their defaults; three dots stand for none.
    """
    return [
        (fault.target, fault.name, ", ".join(map(spelt, fault.options)), fault.text)
        for _, fault in sorted(FAULTS.items())
    ]


def parse_fault(line: str) -> tuple[str, str, dict[str, str]]:
    """Return target, name and options of a fault that is written as in a command line: ``exporter crash after=5``.

    Raises:
        ConfigurationError: It is not written so.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ConfigurationError(f"The fault {line!r} cannot be read: {error}.") from error
    bare = [word for word in words if "=" not in word]
    if len(bare) != 2 or words[:2] != bare:
        raise ConfigurationError(
            f"A fault is written as target, name and options, such as 'exporter crash after=5', not as {line!r}."
        )
    return bare[0], bare[1], dict(word.split("=", 1) for word in words[2:])


def spelt(option: Option) -> str:
    """Return an option with its default; three dots stand for none."""
    if option.default in (None, ""):
        return f"{option.name}=…"
    return f"{option.name}={option.default:g} s" if option.kind is seconds else f"{option.name}={option.default}"
