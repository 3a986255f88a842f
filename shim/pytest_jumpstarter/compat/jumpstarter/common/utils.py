"""Upstream's name for: drivers served from this process, and the connection to the exporter of a shell."""

from pytest_jumpstarter.clients.serving import serve, serve_async
from pytest_jumpstarter.shell import (
    ExporterMetadata,
    env,
    env_async,
    env_with_metadata,
    env_with_metadata_async,
)

__all__ = [
    "ExporterMetadata",
    "env",
    "env_async",
    "env_with_metadata",
    "env_with_metadata_async",
    "serve",
    "serve_async",
]
