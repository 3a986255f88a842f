"""Upstream's name for: clients of power drivers."""

from pytest_jumpstarter.upstream_api.clients.power import PowerClient, PowerReading, VirtualPowerClient

__all__ = ["PowerClient", "PowerReading", "VirtualPowerClient"]
