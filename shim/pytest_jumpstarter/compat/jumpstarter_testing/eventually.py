"""Upstream's name for: waiting for something to become true."""

from pytest_jumpstarter.upstream_api.eventually import eventually

__all__ = ["eventually"]
