"""Clients of serial ports."""

from __future__ import annotations

from typing import Any

from JumpstarterLibrary.client.drivers.serial import SerialMethods, SerialProxy
from JumpstarterLibrary.client.forward import Opener
from pytest_jumpstarter.upstream_api.clients.async_streams import opener_of
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.piping import Piping


class PySerialClient(Piping, SerialMethods, DriverClient):
    """A serial port of the device."""

    PROXY = SerialProxy

    def open(self) -> Any:
        """Return a pexpect session on the port, open until ``close`` or the end of the connection."""
        return self.stack.enter_context(self.pexpect())

    def _opener(self) -> Opener:
        return opener_of(self)

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("serial").serial(self)
