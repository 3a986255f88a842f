"""The command line of a device: those of its drivers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from pytest_jumpstarter.upstream_api.clients.commands.groups import DriverClickGroup, driver_click_group
from pytest_jumpstarter.upstream_api.clients.stub import StubDriverClient

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.clients.composite import CompositeClient

LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def composite(client: CompositeClient) -> DriverClickGroup:
    """Return the commands of all drivers below a client."""

    @driver_click_group(client)
    @click.option(
        "--log-level",
        type=click.Choice(LEVELS),
        expose_value=False,
        callback=_set_level,
        help="How much is logged",
    )
    def base() -> None:
        """The drivers of the device"""

    for name, child in client.children.items():
        if not isinstance(child, StubDriverClient) and hasattr(child, "cli"):
            base.add_command(child.cli(), name)
    return base


def _set_level(_context: click.Context, _parameter: click.Parameter, level: str | None) -> None:
    """Set the level of the root logger and of those that have one of their own."""
    names = [name for name, logger in logging.Logger.manager.loggerDict.items() if isinstance(logger, logging.Logger)]
    for name in ("", *names):
        logging.getLogger(name or None).setLevel(level or "INFO")
