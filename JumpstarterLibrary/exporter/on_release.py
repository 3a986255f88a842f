"""Methods of drivers that are called when a lease ends: ``on_release`` of an exporter's configuration.

They bring a board into a state in which it can be left alone, however the lease has ended: mostly they switch it off.
"""

from __future__ import annotations

import asyncio
import inspect
import logging

from JumpstarterLibrary.common.values import one_line
from JumpstarterLibrary.exporter.dispatch import CallFailed, call_unary
from JumpstarterLibrary.exporter.driver import CallKind, Driver, call_kind
from JumpstarterLibrary.exporter.logs import log_scope
from JumpstarterLibrary.exporter.session import Session

LIMIT_S = 30.0
"""Real seconds that one method may take; the end of the lease waits no longer for it."""

OTHER_NAMES = {"power_off": "off", "power_on": "on"}
"""Names that users may give to methods of power drivers."""

_log = logging.getLogger(__name__)


def release_method(driver_type: type[Driver], name: str) -> str | None:
    """Return the exported method that ``on_release`` names; None where the driver has none that takes no argument.

    Args:
        driver_type: The driver's class.
        name: The method, or ``power_off`` for a power driver's ``off``.
    """
    return next((found for found in (name, OTHER_NAMES.get(name, name)) if found in release_methods(driver_type)), None)


def release_methods(driver_type: type[Driver]) -> list[str]:
    """Return the exported methods of a driver that can be called without arguments, by name."""
    found = ((name, inspect.getattr_static(driver_type, name)) for name in dir(driver_type))
    return sorted(name for name, method in found if call_kind(method) is CallKind.UNARY and _takes_nothing(method))


def _takes_nothing(method: object) -> bool:
    assert callable(method)
    _, *parameters = inspect.signature(method).parameters.values()
    return all(
        parameter.default is not parameter.empty or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        for parameter in parameters
    )


async def run_on_release(session: Session) -> list[str]:
    """Call what ``on_release`` names of all drivers of a session, one after the other.

    Returns:
        The failures, one sentence each. They are in the session's log as well, and stop nothing.
    """
    failures: list[str] = []
    # A proxy's place holds its target, which is then in several places.
    for entry in {id(entry.driver): entry for entry in session.root_driver.enumerate()}.values():
        driver = entry.driver
        if driver.on_release is None:
            continue
        with log_scope(session.logs, "on_release"):
            failure = await _failure(session, driver, driver.on_release)
            if failure is not None:
                failures.append(f"'{driver.on_release}' of driver '{entry.name}' (on_release) failed: {failure}.")
                _log.error("%s", failures[-1])
    return failures


async def _failure(session: Session, driver: Driver, method: str) -> str | None:
    try:
        async with asyncio.timeout(LIMIT_S):
            await call_unary(session.threads, driver, method, [])
    except CallFailed as failure:
        return one_line(failure.details).rstrip(".")
    except TimeoutError:
        return f"it did not end within {LIMIT_S:g} seconds"
    return None
