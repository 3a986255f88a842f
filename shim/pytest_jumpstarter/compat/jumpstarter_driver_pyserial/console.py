"""Upstream's name for: a serial port on the terminal."""

from pytest_jumpstarter.clients.console import Console

__all__ = ["Console"]
