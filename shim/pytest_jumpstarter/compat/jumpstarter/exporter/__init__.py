"""Upstream's package name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.exporter import Exporter
from pytest_jumpstarter.upstream_api.exporter.session import Session

__all__ = ["Exporter", "Session"]
