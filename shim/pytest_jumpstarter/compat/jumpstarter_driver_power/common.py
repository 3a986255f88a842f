"""Upstream's name for: readings of power drivers."""

from pytest_jumpstarter.upstream_api.clients.power import PowerReading

__all__ = ["PowerReading"]
