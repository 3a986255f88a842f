"""Clients of serial ports."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from JumpstarterLibrary.client.drivers import SerialProxy
from pytest_jumpstarter.upstream_api.clients.adapters.expect import PexpectAdapter
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.piping import Piping


class PySerialClient(Piping, DriverClient):
    """A serial port of the device."""

    PROXY = SerialProxy

    def open(self) -> Any:
        """Return a pexpect session on the port, open until ``close`` or the end of the connection."""
        return self.stack.enter_context(self.pexpect())

    def pexpect(self) -> AbstractContextManager[Any]:
        """Return a context manager that gives a pexpect session on the port."""
        return PexpectAdapter(client=self)

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("serial").serial(self)
