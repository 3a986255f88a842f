"""Upstream's name for: the base class of clients, and the stub for those that are missing."""

from pytest_jumpstarter.clients.base import DriverClient
from pytest_jumpstarter.clients.stub import StubDriverClient

__all__ = ["DriverClient", "StubDriverClient"]
