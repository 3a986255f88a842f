"""Upstream's name for: drivers served from this process, shells on an exporter, and the connection to it in a shell."""

from pytest_jumpstarter.launching import launch_shell
from pytest_jumpstarter.shell import (
    ExporterMetadata,
    env,
    env_async,
    env_with_metadata,
    env_with_metadata_async,
)
from pytest_jumpstarter.upstream_api.clients.serving import serve, serve_async

__all__ = [
    "ExporterMetadata",
    "env",
    "env_async",
    "env_with_metadata",
    "env_with_metadata_async",
    "launch_shell",
    "serve",
    "serve_async",
]
