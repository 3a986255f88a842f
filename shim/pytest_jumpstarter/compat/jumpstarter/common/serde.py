"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.values import decode_value, encode_value

__all__ = ["decode_value", "encode_value"]
