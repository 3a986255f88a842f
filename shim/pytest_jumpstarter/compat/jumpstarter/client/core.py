"""Upstream's name for: the errors of driver calls, and the base class of clients for coroutines."""

from pytest_jumpstarter.upstream_api.clients.base import AsyncDriverClient

from JumpstarterLibrary.errors import (
    DriverError,
    DriverInvalidArgument,
    DriverMethodNotImplemented,
    ExporterNotReady,
)

__all__ = [
    "AsyncDriverClient",
    "DriverError",
    "DriverInvalidArgument",
    "DriverMethodNotImplemented",
    "ExporterNotReady",
]
