"""Upstream's name for: clients of flashers."""

from pytest_jumpstarter.upstream_api.clients.flasher import FlasherClientInterface
from pytest_jumpstarter.upstream_api.clients.flasher import PlainFlasherClient as FlasherClient
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf
from pytest_jumpstarter.upstream_api.clients.transfers import parse_path as _parse_path

__all__ = ["FlasherClient", "FlasherClientInterface", "PathBuf", "_parse_path"]
