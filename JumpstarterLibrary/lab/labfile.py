"""The YAML file that describes a virtual lab.

    namespace: default            # everything may be left out
    host: 127.0.0.1
    port: 8082                    # 0, the default, takes a free one
    router_port: 8083
    tls: authority                # or self-signed
    clock_scale: 1                # lab seconds in a real second
    assignment_delay: 0           # lab seconds
    clients:
      tester: {team: qa}          # labels
    boards:
      virtual: {count: 4}         # virtual-1 to virtual-4, with the labels board=virtual and number=1 and so on
      bench-7:
        labels: {board: rpi4}
        board: virtual            # the default
        config: {preinstalled: true}
        motd: Handle with care.
        hooks:                    # as in an exporter's configuration
          beforeLease: {script: echo hello}
      gateway:
        labels: {board: gateway}
        export:                   # as in an exporter's configuration
          power: {type: jumpstarter_driver_power.driver.MockPower}
      theirs:
        register: false           # a place for an exporter from elsewhere
    policies:
      qa-first:
        exporters: board=rpi4     # a selector; the default means all
        rules:
        - clients: [team=qa]
          priority: 10
          maximum_duration: 2 h
          description: for QA
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from JumpstarterLibrary.exporter.tables import Table, parse_yaml
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.exporters import VIRTUAL, LabExporter, virtual_boards
from JumpstarterLibrary.lab.faults.options import seconds
from JumpstarterLibrary.lab.policies import AccessRule, ExporterAccessPolicy
from JumpstarterLibrary.lab.selector import SelectorError
from JumpstarterLibrary.lab.virtual_lab import CLIENT, VirtualLab

BOARDS = 4
"""Virtual boards of a lab without a file."""

_TOP = ("namespace", "host", "port", "router_port", "tls", "clock_scale", "assignment_delay")
_SECTIONS = ("clients", "boards", "policies")
_BOARD = ("labels", "board", "config", "export", "hooks", "motd", "enabled", "register", "count")
_HOOKS = ("beforeLease", "afterLease")
_HOOK = ("script", "exec", "timeout", "onFailure")
_POLICY = ("exporters", "rules")
_RULE = ("clients", "priority", "maximum_duration", "spot_access", "description")


@dataclass(frozen=True, kw_only=True)
class LabFile:
    """What a file says of a lab.

    Attributes:
        namespace: The namespace of everything.
        host: The address to listen on.
        port: The controller's port.
        router_port: The router's port.
        tls: How controller and router show who they are.
        clock_scale: Lab seconds in a real second.
        assignment_delay: Lab seconds from the request of a lease to the first look for an exporter.
        clients: The labels of each client.
        exporters: The exporters.
        policies: The access policies.
    """

    namespace: str = "default"
    host: str = "127.0.0.1"
    port: int = 0
    router_port: int = 0
    tls: Any = "authority"
    clock_scale: float = 1.0
    assignment_delay: float = 0.0
    clients: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {CLIENT: {}})
    exporters: Sequence[LabExporter] = field(default_factory=lambda: virtual_boards(BOARDS))
    policies: Sequence[ExporterAccessPolicy] = ()

    @classmethod
    def load(cls, path: str | Path) -> LabFile:
        """Read a file.

        Raises:
            ConfigurationError: It cannot be read, or says something that cannot be. The text begins with the file's name
                and the place in it.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"The lab's file {path} cannot be read: {error}.") from error
        try:
            return cls._parsed(parse_yaml(text, "the file"))
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from error

    @classmethod
    def _parsed(cls, table: Table) -> LabFile:
        _only(table, (*_TOP, *_SECTIONS))
        clients = {name: child.everything() for name, child in table.tables("clients")}
        return cls()
