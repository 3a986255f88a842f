"""Upstream's package name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.fls import download_fls, get_fls_binary, get_fls_github_url
from pytest_jumpstarter.upstream_api.exporter.listeners import (
    TemporarySocket,
    TemporaryTcpListener,
    TemporaryUnixListener,
)
from pytest_jumpstarter.upstream_api.exporter.metadata import Metadata
from pytest_jumpstarter.upstream_api.exporter.statuses import HOOK_WARNING_PREFIX, ExporterStatus, LogSource

__all__ = [
    "HOOK_WARNING_PREFIX",
    "ExporterStatus",
    "LogSource",
    "Metadata",
    "TemporarySocket",
    "TemporaryTcpListener",
    "TemporaryUnixListener",
    "download_fls",
    "get_fls_binary",
    "get_fls_github_url",
]
