"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.loggers import get_logger

__all__ = ["get_logger"]
