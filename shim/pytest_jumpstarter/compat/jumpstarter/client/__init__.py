"""Upstream's name for: the base class of clients, flashers, leases and connections."""

from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.connecting import client_from_path
from pytest_jumpstarter.upstream_api.clients.flasher import FlasherClientInterface
from pytest_jumpstarter.upstream_api.clients.flasher import PlainFlasherClient as FlasherClient
from pytest_jumpstarter.upstream_api.config.direct import DirectLease
from pytest_jumpstarter.upstream_api.config.lease import Lease

__all__ = ["DirectLease", "DriverClient", "FlasherClient", "FlasherClientInterface", "Lease", "client_from_path"]
