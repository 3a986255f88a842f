"""Select the client class of each driver of a device, and build the device's clients."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from JumpstarterLibrary.client import Device, DriverProxy, drivers
from JumpstarterLibrary.client.drivers import GenericProxy, power, proxy_class
from JumpstarterLibrary.client.tree import ROOT, Node
from JumpstarterLibrary.common.environment import DRIVERS_ALLOW, DRIVERS_UNSAFE
from JumpstarterLibrary.errors import InfrastructureError
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.driver_handle import DriverHandle
from pytest_jumpstarter.upstream_api.clients.importing import MissingDriverError, import_class, is_allowed
from pytest_jumpstarter.upstream_api.clients.portal import LazyPortal
from pytest_jumpstarter.upstream_api.clients.stub import StubDriverClient

logger = logging.getLogger(__name__)

QUIET = "_JMP_SUPPRESS_DRIVER_WARNINGS"
"""Set by ``jmp shell``, which has warned already."""

_CLIENTS = "pytest_jumpstarter.upstream_api.clients."

OURS = {
    "jumpstarter.client.DriverClient": "base:DriverClient",
    "jumpstarter.client.base.DriverClient": "base:DriverClient",
    "jumpstarter.client.base.StubDriverClient": "stub:StubDriverClient",
    "jumpstarter.client.FlasherClient": "flasher:PlainFlasherClient",
    "jumpstarter.client.flasher.FlasherClient": "flasher:PlainFlasherClient",
    "jumpstarter_driver_composite.client.CompositeClient": "composite:CompositeClient",
    "jumpstarter_driver_network.client.DbusNetworkClient": "network:DbusNetworkClient",
    "jumpstarter_driver_network.client.NetworkClient": "network:NetworkClient",
    "jumpstarter_driver_opendal.client.FlasherClient": "flasher:FlasherClient",
    "jumpstarter_driver_opendal.client.OpendalClient": "files:OpendalClient",
    "jumpstarter_driver_opendal.client.StorageMuxClient": "mux:StorageMuxClient",
    "jumpstarter_driver_opendal.client.StorageMuxFlasherClient": "mux:StorageMuxFlasherClient",
    "jumpstarter_driver_power.client.PowerClient": "power:PowerClient",
    "jumpstarter_driver_power.client.VirtualPowerClient": "power:VirtualPowerClient",
    "jumpstarter_driver_pyserial.client.PySerialClient": "serial:PySerialClient",
}
"""The labels whose client classes we have, with their modules."""

KINDS: dict[type[DriverProxy], str] = {
    drivers.CompositeProxy: "composite:CompositeClient",
    drivers.FlasherProxy: "flasher:FlasherClient",
    drivers.NetworkProxy: "network:NetworkClient",
    drivers.OpendalProxy: "files:OpendalClient",
    drivers.SerialProxy: "serial:PySerialClient",
    drivers.StorageMuxProxy: "mux:StorageMuxFlasherClient",
    power.ExporterCyclePowerProxy: "power:ExporterCyclePowerClient",
    power.PowerProxy: "power:PowerClient",
    power.VirtualPowerProxy: "power:VirtualPowerClient",
}
"""Client classes for the other labels that the client core knows, by their proxies."""


@dataclass(frozen=True)
class Allow:
    """The client classes that may be imported because an exporter names them.

    Attributes:
        patterns: Patterns of class paths, as of file names: ``my_drivers.*``.
        unsafe: Whether every class may.
    """

    patterns: tuple[str, ...] = ()
    unsafe: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Allow:
        """Return what ``JMP_DRIVERS_ALLOW`` says: patterns with commas between them, or ``UNSAFE`` for everything."""
        patterns = tuple(filter(None, (pattern.strip() for pattern in environ.get(DRIVERS_ALLOW, "").split(","))))
        unsafe = "UNSAFE" in patterns or environ.get(DRIVERS_UNSAFE, "").lower() in ("1", "true", "yes", "on")
        return cls(patterns, unsafe)

    def permits(self, class_path: str) -> bool:
        """Tell whether a class may be imported."""
        return is_allowed(class_path, self.patterns, self.unsafe)


def build_clients(device: Device, allow: Allow | None = None, *, portal: Any = None) -> DriverClient:
    """Make a client for every driver of a device, children first, and return that of the root.

    When the device is closed, what its clients have opened is closed first.

    Args:
        device: A connected device.
        allow: Which classes may be imported because the exporter names them. Default: as the environment says.
        portal: anyio's portal for the clients, which the caller ends. Default: one that starts on first use.
    """
    allow = allow or Allow.from_environment()
    chosen = {node: _chosen(node.label, allow) for node in device.root.walk()}
    classes = {node: found for node, (found, _) in chosen.items()}

    def proxy(device: Device, node: Node) -> DriverProxy:
        wanted = classes[node].PROXY if node in classes else GenericProxy
        kind = proxy_class(node.label) if wanted is GenericProxy else wanted
        return kind(device, node)

    device.proxies = proxy
    with ExitStack() as stack:
        if portal is None:
            portal = LazyPortal()
            stack.callback(portal.close)
        clients = _Clients(device, chosen, portal, stack)
        root = clients.make(device.root)
        device.before_close.append(partial(_close, stack.pop_all()))
    return root


def _close(stack: ExitStack) -> None:
    try:
        stack.close()
    except Exception as error:  # noqa: BLE001 - what users' clients have opened may fail in any way; the rest goes on
        logger.warning("What a client had opened was not closed cleanly: %r", error)


@dataclass(frozen=True)
class _Clients:
    """The clients of a device in the making."""

    device: Device
    chosen: Mapping[Node, tuple[type[DriverClient], str | None]]
    portal: Any
    stack: ExitStack

    def make(self, node: Node) -> DriverClient:
        """Return a new client for a node, over new ones for its children."""
        children = {name: self.make(child) for name, child in node.children.items()}
        kind, reason = self.chosen[node]
        client = kind(
            uuid=_uuid(self.device, node),
            labels=dict(node.labels),
            stub=DriverHandle(self.device, node),
            portal=self.portal,
            stack=self.stack.enter_context(ExitStack()),
            children=children,
            description=node.description or None,
            methods_description=dict(node.methods),
        )
        if isinstance(client, StubDriverClient):
            client.reason = reason
        return client


def _uuid(device: Device, node: Node) -> UUID:
    try:
        return UUID(node.uuid)
    except ValueError:
        raise InfrastructureError(
            f"Exporter '{device.link.name}' reports driver '{node.path or ROOT}' with the id '{node.uuid}', which is "
            f"no UUID. Update the exporter."
        ) from None


def client_class(label: str, allow: Allow) -> type[DriverClient]:
    """Return the client class for a report label.

    Ours for what we have; else the class of that path, if it is allowed and here; else ours of the kind that the client
    core has for it; else the stub.
    """
    return _chosen(label, allow)[0]


def _chosen(label: str, allow: Allow) -> tuple[type[DriverClient], str | None]:
    """Return the client class for a label, and for the stub why it is no other."""
    ours = OURS.get(label)
    if ours is not None:
        return _load(ours), None
    found = _imported(label, allow)
    if isinstance(found, type):
        return found, None
    kind = KINDS.get(proxy_class(label))
    if kind is not None:
        return _load(kind), None
    if not os.environ.get(QUIET):
        logger.warning("Driver client '%s' is not available. Its driver is called by names: %s", label, found)
    return StubDriverClient, found


def _imported(label: str, allow: Allow) -> type[DriverClient] | str:
    """Return the class of a path, or why there is none."""
    try:
        found = import_class(label, allow.patterns, allow.unsafe)
    except (MissingDriverError, ImportError) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a third party's module may raise anything, and costs only its driver
        return f"Importing it failed with {type(error).__name__}: {error}"
    if isinstance(found, type) and issubclass(found, DriverClient):
        return found
    return "It is not derived from jumpstarter.client.DriverClient."


def _load(place: str) -> type[DriverClient]:
    module, _, name = place.partition(":")
    found: type[DriverClient] = getattr(importlib.import_module(_CLIENTS + module), name)
    return found
