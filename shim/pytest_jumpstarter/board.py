"""A connected board of a test."""

from __future__ import annotations

from dataclasses import dataclass

from JumpstarterLibrary.client.devices.pool import PooledDevice
from pytest_jumpstarter.clients.base import DriverClient
from pytest_jumpstarter.evidence.recorder import Recorder
from pytest_jumpstarter.finding import Finding


@dataclass(eq=False)
class Board(PooledDevice):
    """A connected board.

    Attributes:
        client: The client of its root driver.
        finding: How it was found.
        recorder: What it says.
        fresh: Whether no test has had it yet.
    """

    client: DriverClient
    finding: Finding
    recorder: Recorder
    fresh: bool = True
