"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.wrapped import MetadataStream, MetadataStreamAttributes

__all__ = ["MetadataStream", "MetadataStreamAttributes"]
