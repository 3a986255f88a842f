"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.loggers import LoggerRegistration

__all__ = ["LoggerRegistration"]
