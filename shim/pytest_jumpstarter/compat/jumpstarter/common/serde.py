"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.values import decode_value, encode_value

__all__ = ["decode_value", "encode_value"]
