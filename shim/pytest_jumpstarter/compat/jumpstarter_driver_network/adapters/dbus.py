"""Upstream's name for: this adapter."""

from pytest_jumpstarter.upstream_api.clients.adapters.dbus import DbusAdapter

__all__ = ["DbusAdapter"]
