"""Upstream's name for: clients of serial ports."""

from pytest_jumpstarter.clients.console import Console
from pytest_jumpstarter.clients.serial import PySerialClient

__all__ = ["Console", "PySerialClient"]
