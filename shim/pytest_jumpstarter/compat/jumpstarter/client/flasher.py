"""Upstream's name for: clients of flashers."""

from pytest_jumpstarter.clients.flasher import FlasherClientInterface
from pytest_jumpstarter.clients.flasher import PlainFlasherClient as FlasherClient
from pytest_jumpstarter.clients.transfers import PathBuf
from pytest_jumpstarter.clients.transfers import parse_path as _parse_path

__all__ = ["FlasherClient", "FlasherClientInterface", "PathBuf", "_parse_path"]
