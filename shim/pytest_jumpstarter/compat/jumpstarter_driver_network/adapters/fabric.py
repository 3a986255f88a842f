"""Upstream's name for: this adapter."""

from pytest_jumpstarter.clients.adapters.fabric import FabricAdapter

__all__ = ["FabricAdapter"]
