"""Upstream's name for: what watches an exporter's status."""

from pytest_jumpstarter.upstream_api.clients.status import StatusMonitor

__all__ = ["StatusMonitor"]
