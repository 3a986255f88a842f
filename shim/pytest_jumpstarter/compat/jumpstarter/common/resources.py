"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.resources import ClientStreamResource, PresignedRequestResource

__all__ = ["ClientStreamResource", "PresignedRequestResource"]
