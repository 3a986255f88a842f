"""The virtual lab: what a newcomer runs first, and what proves the rest.

Its parts are imported when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from JumpstarterLibrary.lab.clock import Clock
    from JumpstarterLibrary.lab.controller import MockController
    from JumpstarterLibrary.lab.exporters import LabExporter
    from JumpstarterLibrary.lab.faults import InjectedFault, describe_faults
    from JumpstarterLibrary.lab.features import ControllerFeatures
    from JumpstarterLibrary.lab.journal import Journal
    from JumpstarterLibrary.lab.labfile import LabFile
    from JumpstarterLibrary.lab.local import LocalExporter
    from JumpstarterLibrary.lab.policies import AccessRule, ExporterAccessPolicy
    from JumpstarterLibrary.lab.router import MockRouter
    from JumpstarterLibrary.lab.virtual_lab import VirtualLab

_MODULES = {
    "AccessRule": "policies",
    "Clock": "clock",
    "ControllerFeatures": "features",
    "ExporterAccessPolicy": "policies",
    "InjectedFault": "faults",
    "Journal": "journal",
    "LabExporter": "exporters",
    "LabFile": "labfile",
    "LocalExporter": "local",
    "MockController": "controller",
    "MockRouter": "router",
    "VirtualLab": "virtual_lab",
    "describe_faults": "faults",
}

__all__ = [
    "AccessRule",
    "Clock",
    "ControllerFeatures",
    "ExporterAccessPolicy",
    "InjectedFault",
    "Journal",
    "LabExporter",
    "LabFile",
    "LocalExporter",
    "MockController",
    "MockRouter",
    "VirtualLab",
    "describe_faults",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
