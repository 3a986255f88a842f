"""Driver proxies, one per capability, chosen by the driver's label from a fixed registry.

Upstream imports any class that an exporter names. We never import anything that an exporter says: a label that is not
in the registry gets the generic proxy, which can call every method by name.
"""

from __future__ import annotations

from JumpstarterLibrary.client.drivers.base import DriverMethods, DriverProxy, ResultStream
from JumpstarterLibrary.client.drivers.composite import CompositeProxy
from JumpstarterLibrary.client.drivers.files import OpendalProxy
from JumpstarterLibrary.client.drivers.flasher import FlasherProxy
from JumpstarterLibrary.client.drivers.generic import GenericProxy
from JumpstarterLibrary.client.drivers.image import ImageStore, WriteOptions
from JumpstarterLibrary.client.drivers.mux import StorageMuxProxy
from JumpstarterLibrary.client.drivers.network import NetworkProxy
from JumpstarterLibrary.client.drivers.power import ExporterCyclePowerProxy, PowerProxy, VirtualPowerProxy
from JumpstarterLibrary.client.drivers.serial import SerialProxy

REGISTRY: dict[str, type[DriverProxy]] = {
    label: proxy
    for proxy in (
        CompositeProxy,
        ExporterCyclePowerProxy,
        FlasherProxy,
        NetworkProxy,
        OpendalProxy,
        PowerProxy,
        SerialProxy,
        StorageMuxProxy,
        VirtualPowerProxy,
    )
    for label in proxy.LABELS
}


def proxy_class(label: str) -> type[DriverProxy]:
    """Return the proxy class for a report label."""
    return REGISTRY.get(label, GenericProxy)


__all__ = [
    "CompositeProxy",
    "DriverMethods",
    "DriverProxy",
    "FlasherProxy",
    "GenericProxy",
    "ImageStore",
    "NetworkProxy",
    "OpendalProxy",
    "PowerProxy",
    "ResultStream",
    "SerialProxy",
    "StorageMuxProxy",
    "WriteOptions",
    "proxy_class",
]
