"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.metadata import Metadata

__all__ = ["Metadata"]
