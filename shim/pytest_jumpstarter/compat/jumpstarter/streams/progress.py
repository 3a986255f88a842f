"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.progress import ProgressAttribute, ProgressStream

__all__ = ["ProgressAttribute", "ProgressStream"]
