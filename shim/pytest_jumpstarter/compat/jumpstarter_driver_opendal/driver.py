"""Upstream's module name, served by robotframework-jumpstarter."""

from JumpstarterLibrary.exporter.drivers.files import Opendal
from JumpstarterLibrary.exporter.drivers.storage import (
    FlasherInterface,
    MockFlasher,
    MockStorageMux,
    MockStorageMuxFlasher,
    StorageMuxFlasherInterface,
    StorageMuxInterface,
)

__all__ = [
    "FlasherInterface",
    "MockFlasher",
    "MockStorageMux",
    "MockStorageMuxFlasher",
    "Opendal",
    "StorageMuxFlasherInterface",
    "StorageMuxInterface",
]
