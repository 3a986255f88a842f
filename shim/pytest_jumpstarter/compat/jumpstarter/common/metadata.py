"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.metadata import Metadata

__all__ = ["Metadata"]
