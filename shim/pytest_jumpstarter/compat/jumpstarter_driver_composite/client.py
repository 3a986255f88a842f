"""Upstream's name for: clients of drivers that only group others."""

from pytest_jumpstarter.upstream_api.clients.composite import CompositeClient

__all__ = ["CompositeClient"]
