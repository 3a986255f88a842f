"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.statuses import ExporterStatus, LogSource

__all__ = ["ExporterStatus", "LogSource"]
