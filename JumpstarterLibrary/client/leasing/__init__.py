"""Leases: asking a controller for an exporter, the tunnel to it, and the certain end.

::

    service = LeaseService(find_settings)
    device = service.lease(LeaseRequest(selector="board=rpi4"), timeout=600)
    try:
        device.client.power.on()
    finally:
        service.release(device)
        service.close()
"""

from __future__ import annotations

from JumpstarterLibrary.client.leasing.controller import Controller, ExporterInfo, LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.leasing.state import LeaseState, Phase

__all__ = [
    "Controller",
    "ExporterInfo",
    "Lease",
    "LeaseRequest",
    "LeaseService",
    "LeaseState",
    "LeasedDevice",
    "Phase",
]
