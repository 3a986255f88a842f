"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.exporter import Exporter

__all__ = ["Exporter"]
