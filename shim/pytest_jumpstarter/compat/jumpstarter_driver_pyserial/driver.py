"""Upstream's module name, served by robotframework-jumpstarter."""

from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.drivers.tty import ThrottledStream

__all__ = ["PySerial", "ThrottledStream"]
