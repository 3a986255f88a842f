"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.listeners import (
    TemporarySocket,
    TemporaryTcpListener,
    TemporaryUnixListener,
)

__all__ = ["TemporarySocket", "TemporaryTcpListener", "TemporaryUnixListener"]
