"""Upstream's name for: this adapter."""

from pytest_jumpstarter.upstream_api.clients.adapters.expect import PexpectAdapter

__all__ = ["PexpectAdapter"]
