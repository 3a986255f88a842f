"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.wrapped import AiohttpStreamReaderStream

__all__ = ["AiohttpStreamReaderStream"]
