"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.driver import FlasherInterface

__all__ = ["FlasherInterface"]
