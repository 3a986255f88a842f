"""Upstream's name for: connecting to an exporter from a coroutine."""

from pytest_jumpstarter.upstream_api.clients.connecting import client_from_channel, client_from_path
from pytest_jumpstarter.upstream_api.clients.connecting import is_tcp_address as _is_tcp_address

__all__ = ["_is_tcp_address", "client_from_channel", "client_from_path"]
