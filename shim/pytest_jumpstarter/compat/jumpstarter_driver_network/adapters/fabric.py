"""Upstream's name for: this adapter."""

from pytest_jumpstarter.upstream_api.clients.adapters.fabric import FabricAdapter

__all__ = ["FabricAdapter"]
