"""Upstream's name for: clients of serial ports."""

from pytest_jumpstarter.upstream_api.clients.console import Console
from pytest_jumpstarter.upstream_api.clients.serial import PySerialClient

__all__ = ["Console", "PySerialClient"]
