"""Upstream's name for: this adapter."""

from pytest_jumpstarter.clients.adapters.dbus import DbusAdapter

__all__ = ["DbusAdapter"]
