"""Our client core with leases."""

from __future__ import annotations

import time
from typing import Any

from serve import serve

from JumpstarterLibrary.client.leasing import LeasedDevice, LeaseRequest, LeaseService
from JumpstarterLibrary.client.settings import find_settings

LIMIT_S = 60


class OursLeased:
    """Our client, as a test would use it.

    Args:
        selector: Which boards to lease.
    """

    def __init__(self, selector: str) -> None:
        self._request = LeaseRequest(selector=selector)
        self._service = LeaseService(find_settings)
        self._devices: list[LeasedDevice] = []

    def lease(self) -> dict[str, Any]:
        """Lease a board, and return when it was usable, in seconds of the system's monotonic clock."""
        device = self._service.lease(self._request, LIMIT_S)
        usable = time.monotonic()
        self._devices.append(device)
        self._power, self._mux = device.client.power, getattr(device.client, "mux", None)
        return {"lease": device.lease.name, "usable": usable}

    def hold(self) -> None:
        """Lease one more board, with everything that the keywords open for it."""
        self.lease()
        self._devices[-1].follow_logs()
        self._devices[-1].open_consoles()

    def use(self) -> int:
        """Call every board, and return how many answered."""
        for device in self._devices:
            device.client.power.on()
        return len(self._devices)

    def call(self) -> None:
        self._power.on()

    def upload(self, path: str) -> None:
        self._mux.write_local_file(path)

    def download(self, path: str) -> None:
        self._mux.read_local_file(path)

    def release(self) -> int:
        """Release all boards, and return how many of them for certain."""
        devices, self._devices = self._devices, []
        return sum(self._service.release(device) for device in devices)


if __name__ == "__main__":
    serve(OursLeased)
