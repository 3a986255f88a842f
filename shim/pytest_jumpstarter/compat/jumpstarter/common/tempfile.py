"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.listeners import (
    TemporarySocket,
    TemporaryTcpListener,
    TemporaryUnixListener,
)

__all__ = ["TemporarySocket", "TemporaryTcpListener", "TemporaryUnixListener"]
