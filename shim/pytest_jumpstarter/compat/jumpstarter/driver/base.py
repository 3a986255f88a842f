"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.driver import Driver

__all__ = ["Driver"]
