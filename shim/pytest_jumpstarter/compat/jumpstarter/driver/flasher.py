"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.driver import FlasherInterface

__all__ = ["FlasherInterface"]
