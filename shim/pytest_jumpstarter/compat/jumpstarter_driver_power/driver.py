"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.clients.power import PowerReading

from JumpstarterLibrary.exporter.drivers.power import (
    MockPower,
    PowerInterface,
    SyncMockPower,
    VirtualPowerInterface,
)

__all__ = ["MockPower", "PowerInterface", "PowerReading", "SyncMockPower", "VirtualPowerInterface"]
