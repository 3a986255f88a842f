"""Clients of drivers that only group others."""

from __future__ import annotations

from typing import Any

from JumpstarterLibrary.client.drivers.composite import CompositeProxy
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.optional import commands


class CompositeClient(DriverClient):
    """Nothing but other drivers, which are its attributes."""

    PROXY = CompositeProxy

    def close(self) -> None:
        """Close what this client and those below it have opened."""
        for child in self.children.values():
            child.close()
        super().close()

    def cli(self) -> Any:
        """Return the commands of all drivers below, as a group of click's; those without commands are left out."""
        return commands("composite").composite(self)
