"""Upstream's name for: this adapter."""

from pytest_jumpstarter.clients.adapters.novnc import NovncAdapter

__all__ = ["NovncAdapter"]
