"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.resources import ClientStreamResource, PresignedRequestResource

__all__ = ["ClientStreamResource", "PresignedRequestResource"]
