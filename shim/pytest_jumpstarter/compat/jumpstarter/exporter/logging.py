"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.loggers import get_logger

__all__ = ["get_logger"]
