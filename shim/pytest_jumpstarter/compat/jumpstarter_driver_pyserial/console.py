"""Upstream's name for: a serial port on the terminal."""

from pytest_jumpstarter.upstream_api.clients.console import Console

__all__ = ["Console"]
