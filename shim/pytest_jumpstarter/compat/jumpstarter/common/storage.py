"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.devices import (
    read_from_storage_device,
    wait_for_storage_device,
    write_to_storage_device,
)

__all__ = ["read_from_storage_device", "wait_for_storage_device", "write_to_storage_device"]
