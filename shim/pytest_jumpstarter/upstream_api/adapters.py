"""Adapters under upstream's names: they make a driver's byte stream look like something else."""

from __future__ import annotations

from pytest_jumpstarter.upstream_api.clients.adapters.dbus import DbusAdapter
from pytest_jumpstarter.upstream_api.clients.adapters.expect import PexpectAdapter
from pytest_jumpstarter.upstream_api.clients.adapters.fabric import FabricAdapter
from pytest_jumpstarter.upstream_api.clients.adapters.novnc import NovncAdapter
from pytest_jumpstarter.upstream_api.clients.adapters.portforward import TcpPortforwardAdapter, UnixPortforwardAdapter

__all__ = [
    "DbusAdapter",
    "FabricAdapter",
    "NovncAdapter",
    "PexpectAdapter",
    "TcpPortforwardAdapter",
    "UnixPortforwardAdapter",
]
