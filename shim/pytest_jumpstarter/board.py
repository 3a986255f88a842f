"""A connected board of a test."""

from __future__ import annotations

from dataclasses import dataclass

from JumpstarterLibrary.client.devices.mode import ConnectionMode
from JumpstarterLibrary.client.devices.pool import PooledDevice
from JumpstarterLibrary.client.devices.recorder import Recorder
from pytest_jumpstarter.upstream_api.clients.base import DriverClient


@dataclass(eq=False)
class ConnectedBoard(PooledDevice):
    """A connected board.

    Attributes:
        client: The client of its root driver.
        mode: How it was connected.
        recorder: What it says.
        fresh: Whether no test has had it yet.
    """

    client: DriverClient
    mode: ConnectionMode
    recorder: Recorder
    fresh: bool = True
