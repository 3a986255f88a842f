"""Upstream's exception classes, so that `except` clauses that were written for it catch what this library raises.

The first four are other names of our own classes, so that they also catch what comes from deep inside the client core;
the others are raised where upstream raises them. ``jumpstarter.client.core`` has the errors of drivers.

=============================== ========================================================================
upstream's name                 catches
=============================== ========================================================================
JumpstarterException            every error of this library
ConnectionError                 a server that cannot be reached or does not accept this client (`LinkError`), and
                                everything that the controller refuses in a call of a client configuration
LeaseError                      everything about a lease: timeout, nothing that fits, its end, a wrong owner
ConfigurationError              everything about the configuration; always a `ValueError`, too
FileNotFoundError               a configuration that is not there; also `ConfigurationError`, and the built-in one
EnvironmentVariableNotSetError  a variable that is not set; also `ConfigurationError` and `RuntimeError`, which
                                suites catch that were written for older releases of upstream
ExporterOfflineError            an exporter that is offline when it is connected to; also `ConnectionError`
ExporterUnreachableError        an exporter that cannot be connected to, for any reason
MissingDriverError              a client class that is not here, or may not be imported
ArgumentError                   an argument that cannot be; raised by clients of drivers
ReauthenticationFailed          a new login that has failed; for programs that log in
=============================== ========================================================================
"""

from __future__ import annotations

import builtins

from JumpstarterLibrary.errors import (
    ConfigurationError,
    InfrastructureError,
    LeaseError,
    LinkError,
    UsageError,
)
from JumpstarterLibrary.errors import JumpstarterError as JumpstarterException
from pytest_jumpstarter.upstream_api.clients.importing import MissingDriverError

ConnectionError = LinkError

__all__ = [
    "ArgumentError",
    "ConfigurationError",
    "ConnectionError",
    "EnvironmentVariableNotSetError",
    "ExporterOfflineError",
    "ExporterUnreachableError",
    "FileNotFoundError",
    "JumpstarterException",
    "LeaseError",
    "MissingDriverError",
    "ReauthenticationFailed",
]


class ExporterOfflineError(ConnectionError):
    """The exporter of a lease is offline."""

    code = "JMP-EXPORTER-OFFLINE-ERROR"


class ExporterUnreachableError(InfrastructureError):
    """The exporter of a lease cannot be connected to."""

    code = "JMP-EXPORTER-UNREACHABLE-ERROR"


class ArgumentError(UsageError):
    """An argument cannot be what it is."""

    code = "JMP-ARGUMENT-ERROR"


class FileNotFoundError(ConfigurationError, builtins.FileNotFoundError):
    """A file of the configuration is not there."""

    code = "JMP-FILE-NOT-FOUND-ERROR"


class EnvironmentVariableNotSetError(ConfigurationError, RuntimeError):
    """A variable that is needed is not set in the environment."""

    code = "JMP-ENVIRONMENT-VARIABLE-NOT-SET-ERROR"


class ReauthenticationFailed(JumpstarterException):
    """A new login has failed."""

    code = "JMP-REAUTHENTICATION-FAILED"
