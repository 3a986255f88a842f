"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.streams import copy_stream, create_memory_stream, forward_stream

__all__ = ["copy_stream", "create_memory_stream", "forward_stream"]
