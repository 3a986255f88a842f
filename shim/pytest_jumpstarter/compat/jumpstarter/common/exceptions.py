"""Upstream's name for: its errors, of which ours are other names and subclasses."""

from pytest_jumpstarter.upstream_api.config.exceptions import (
    ArgumentError,
    ConfigurationError,
    ConnectionError,
    EnvironmentVariableNotSetError,
    ExporterOfflineError,
    ExporterUnreachableError,
    FileNotFoundError,
    JumpstarterException,
    MissingDriverError,
    ReauthenticationFailed,
)

__all__ = [
    "ArgumentError",
    "ConfigurationError",
    "ConnectionError",
    "EnvironmentVariableNotSetError",
    "ExporterOfflineError",
    "ExporterUnreachableError",
    "FileNotFoundError",
    "JumpstarterException",
    "MissingDriverError",
    "ReauthenticationFailed",
]
