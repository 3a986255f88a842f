"""Upstream's name for: decorators for the command lines of clients."""

from pytest_jumpstarter.upstream_api.clients.optional import commands

_groups = commands("groups")
DriverClickGroup = _groups.DriverClickGroup
driver_click_command = _groups.driver_click_command
driver_click_group = _groups.driver_click_group

__all__ = ["DriverClickGroup", "driver_click_command", "driver_click_group"]
