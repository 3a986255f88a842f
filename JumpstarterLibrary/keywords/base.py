"""Base of the keyword classes, and the helpers that they share."""

from __future__ import annotations

import datetime
from typing import TypeVar

from JumpstarterLibrary.client import Device, DriverProxy
from JumpstarterLibrary.keywords.devices import Devices

Proxy = TypeVar("Proxy", bound=DriverProxy)


class Keywords:
    """Base of the keyword classes.

    Args:
        devices: The devices of the run.
        timeout: The library's default timeout for waits.
    """

    def __init__(self, devices: Devices, timeout: datetime.timedelta) -> None:
        self.devices = devices
        self.timeout = timeout

    def device(self, alias: str | None) -> Device:
        """Return a device by alias, or the current one."""
        return self.devices.get(alias)

    def driver(self, kind: type[Proxy], what: str, device: str | None, driver: str | None) -> Proxy:
        """Return the driver of a kind: the only one of the device, or the one at a path."""
        return self.device(device).find(kind, what, driver)
