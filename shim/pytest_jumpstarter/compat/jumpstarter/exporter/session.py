"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.session import Session

__all__ = ["Session"]
