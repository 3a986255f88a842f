"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.wrapped import AiohttpStreamReaderStream

__all__ = ["AiohttpStreamReaderStream"]
