"""Upstream's package name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.exporter import Exporter
from pytest_jumpstarter.exporting.session import Session

__all__ = ["Exporter", "Session"]
