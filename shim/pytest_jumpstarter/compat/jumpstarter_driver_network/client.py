"""Upstream's name for: clients of network drivers."""

from pytest_jumpstarter.upstream_api.clients.network import DbusNetworkClient, NetworkClient
from pytest_jumpstarter.upstream_api.clients.network import parse_address as _parse_address
from pytest_jumpstarter.upstream_api.clients.network import strip_scheme as _strip_scheme

__all__ = ["DbusNetworkClient", "NetworkClient", "_parse_address", "_strip_scheme"]
