"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.shell import env

__all__ = ["env"]
