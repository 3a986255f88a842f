"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.exporter import Exporter

__all__ = ["Exporter"]
