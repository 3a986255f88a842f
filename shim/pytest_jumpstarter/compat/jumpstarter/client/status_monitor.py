"""Upstream's name for: what watches an exporter's status."""

from pytest_jumpstarter.clients.status import StatusMonitor

__all__ = ["StatusMonitor"]
