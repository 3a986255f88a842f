"""Upstream's name for: this adapter."""

from pytest_jumpstarter.upstream_api.clients.adapters.novnc import NovncAdapter

__all__ = ["NovncAdapter"]
