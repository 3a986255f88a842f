"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.driver import (
    MARKER_DRIVERCALL,
    MARKER_MAGIC,
    MARKER_STREAMCALL,
    MARKER_STREAMING_DRIVERCALL,
    export,
    exportstream,
)

__all__ = [
    "MARKER_DRIVERCALL",
    "MARKER_MAGIC",
    "MARKER_STREAMCALL",
    "MARKER_STREAMING_DRIVERCALL",
    "export",
    "exportstream",
]
