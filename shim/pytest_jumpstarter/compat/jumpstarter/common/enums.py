"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus, LogSource

__all__ = ["ExporterStatus", "LogSource"]
