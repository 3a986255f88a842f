"""Upstream's name for: local ports that forward to a driver."""

from pytest_jumpstarter.upstream_api.clients.adapters.portforward import (
    TcpPortforwardAdapter,
    UnixPortforwardAdapter,
    handler,
)

__all__ = ["TcpPortforwardAdapter", "UnixPortforwardAdapter", "handler"]
