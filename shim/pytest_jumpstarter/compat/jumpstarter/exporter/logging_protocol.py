"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.loggers import LoggerRegistration

__all__ = ["LoggerRegistration"]
