"""Upstream's package name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.driver import Driver, FlasherInterface, export, exportstream

__all__ = ["Driver", "FlasherInterface", "export", "exportstream"]
