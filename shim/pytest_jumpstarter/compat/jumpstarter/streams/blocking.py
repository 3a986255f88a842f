"""Upstream's name for: a stream of anyio's, used from a thread."""

from pytest_jumpstarter.upstream_api.clients.streams import BlockingStream

__all__ = ["BlockingStream"]
