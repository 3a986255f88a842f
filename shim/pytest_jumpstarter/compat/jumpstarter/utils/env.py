"""Upstream's name for: the connection to the exporter of a shell."""

from pytest_jumpstarter.shell import (
    ExporterMetadata,
    env,
    env_async,
    env_with_metadata,
    env_with_metadata_async,
)

__all__ = ["ExporterMetadata", "env", "env_async", "env_with_metadata", "env_with_metadata_async"]
