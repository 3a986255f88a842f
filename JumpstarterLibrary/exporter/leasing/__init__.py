"""Exporters that register with a controller and serve its leases. Everything else is reached through this door."""

from __future__ import annotations

from JumpstarterLibrary.exporter.leasing.access import ControllerAccess
from JumpstarterLibrary.exporter.leasing.exporter import LeasedExporter
from JumpstarterLibrary.exporter.leasing.recovery import FailureLimit
from JumpstarterLibrary.exporter.leasing.timing import ExporterTiming

__all__ = ["ControllerAccess", "ExporterTiming", "FailureLimit", "LeasedExporter"]
