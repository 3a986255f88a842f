"""Upstream's name for: the base class of clients, and the stub for those that are missing."""

from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.stub import StubDriverClient

__all__ = ["DriverClient", "StubDriverClient"]
