"""Upstream's name for: adapters, which make a driver's byte stream look like something else."""

from pytest_jumpstarter.upstream_api.adapters import (
    DbusAdapter,
    FabricAdapter,
    NovncAdapter,
    PexpectAdapter,
    TcpPortforwardAdapter,
    UnixPortforwardAdapter,
)

__all__ = [
    "DbusAdapter",
    "FabricAdapter",
    "NovncAdapter",
    "PexpectAdapter",
    "TcpPortforwardAdapter",
    "UnixPortforwardAdapter",
]
