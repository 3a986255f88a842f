"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.progress import ProgressAttribute, ProgressStream

__all__ = ["ProgressAttribute", "ProgressStream"]
