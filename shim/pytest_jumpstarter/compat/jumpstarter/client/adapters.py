"""Upstream's name for: a decorator for adapters that are written for coroutines."""

from pytest_jumpstarter.upstream_api.clients.blocking import blocking

__all__ = ["blocking"]
