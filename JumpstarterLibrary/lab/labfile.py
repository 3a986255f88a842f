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

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from JumpstarterLibrary.common.config_reader import ConfigReader
from JumpstarterLibrary.common.values import PORT_LIMIT, InvalidSetting, one_line, shown, within
from JumpstarterLibrary.common.yaml_files import read_yaml
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1, ExporterConfigV1Alpha1DriverInstance
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.exporters import VIRTUAL, LabExporter, virtual_boards
from JumpstarterLibrary.lab.policies import AccessRule, ExporterAccessPolicy
from JumpstarterLibrary.lab.selector import SelectorError, is_label_key, is_label_value, is_subdomain
from JumpstarterLibrary.lab.virtual_lab import CLIENT, TlsMode, VirtualLab

Parsed = TypeVar("Parsed")

BOARDS = 4
"""Virtual boards of a lab without a file."""

BOARDS_LIMIT = 1000
"""Boards of one name at most."""

_VIRTUAL_CLASS = "JumpstarterLibrary.exporter.drivers.virtual.VirtualBoard"


@dataclass(frozen=True, kw_only=True)
class LabFile:
    """The settings of a lab from its file; without one, the defaults.

    Attributes:
        namespace: The namespace of everything.
        host: The address to listen on.
        port: The controller's port; 0 takes a free one.
        router_port: The router's port; likewise.
        tls: How controller and router show who they are.
        clock_scale: Lab seconds in a real second.
        assignment_delay: Lab seconds from the request of a lease to the first look for an exporter.
        clients: The labels of each client, by its name.
        exporters: The exporters.
        policies: The access policies.
    """

    namespace: str = "default"
    host: str = "127.0.0.1"
    port: int = 0
    router_port: int = 0
    tls: TlsMode = "authority"
    clock_scale: float = 1.0
    assignment_delay: float = 0.0
    clients: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {CLIENT: {}})
    exporters: Sequence[LabExporter] = field(default_factory=lambda: virtual_boards(BOARDS))
    policies: Sequence[ExporterAccessPolicy] = ()

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file.

        Raises:
            ConfigurationError: It cannot be read, or says something that cannot be; the text begins with the file's
                name, the line and the keys.
        """
        file = read_yaml(path, "The lab's file")
        with file.located():
            return cls._from_reader(ConfigReader(file.content, ""))

    @classmethod
    def _from_reader(cls, table: ConfigReader) -> Self:
        table.only(*(entry.name for entry in fields(cls) if entry.name != "exporters"), "boards")
        clients, boards = table.table("clients"), table.table("boards")
        labels = {name: _labels(clients, name) for name in table.mapping("clients")}
        found = [exporter for name, board in table.tables("boards") for exporter in _exporters(name, board)]
        _check_names("clients", list(labels))
        _check_names("boards", [exporter.name for exporter in found])
        return cls(
            namespace=table.text("namespace") or cls.namespace,
            host=table.text("host") or cls.host,
            port=_port(table, "port"),
            router_port=_port(table, "router_port"),
            tls=table.choice("tls", ("authority", "self-signed")),
            clock_scale=_amount(table, "clock_scale", cls.clock_scale),
            assignment_delay=table.duration("assignment_delay", cls.assignment_delay),
            clients={CLIENT: {}} if clients.absent else labels,
            exporters=virtual_boards(BOARDS) if boards.absent else found,
            policies=[_policy(name, policy) for name, policy in table.tables("policies")],
        )

    def lab(self) -> VirtualLab:
        """Return the lab, which does not run yet.

        Raises:
            ConfigurationError: Something does not fit together.
        """
        return VirtualLab(
            self.exporters,
            clients=self.clients,
            policies=self.policies,
            namespace=self.namespace,
            clock=Clock(self.clock_scale),
            tls=self.tls,
            host=self.host,
            port=self.port,
            router_port=self.router_port,
            assignment_delay=self.assignment_delay,
        )


def _exporters(name: str, table: ConfigReader) -> Iterator[LabExporter]:
    table.only("labels", "count", "board", "config", "export", "hooks", "motd", "enabled", "register")
    count, labels = table.number("count", 0), _labels(table, "labels")
    if count != int(count) or count < 0:
        raise table.error("count", f"a whole number is needed, not {count:g}.")
    if count > BOARDS_LIMIT:
        raise table.error("count", f"at most {BOARDS_LIMIT} boards are possible, not {count:g}.")
    exporter = _exporter(name, table, labels or {"board": VIRTUAL})
    if not count:
        yield exporter
    for number in range(1, int(count) + 1):
        numbered = {**exporter.labels, "number": str(number)}
        yield replace(exporter, name=f"{name}-{number}", labels=numbered)


def _exporter(name: str, table: ConfigReader, labels: dict[str, str]) -> LabExporter:
    rest = _hooks_and_motd(table)
    return LabExporter(
        name=name,
        labels=labels,
        driver=_driver(table),
        before_lease=rest.before_lease,
        after_lease=rest.after_lease,
        motd=rest.motd,
        enabled=_truth(table, "enabled"),
        register=_truth(table, "register"),
    )


def _driver(table: ConfigReader) -> Callable[[], Driver]:
    """Return what builds the drivers, after it has done so once: what is wrong is to be heard now."""
    export, board, config = table.table("export"), table.text("board"), table.mapping("config")
    if not export.absent and (board is not None or config):
        raise table.error("", "a board has export, or board and config, not both.")
    table.choice("board", (VIRTUAL,))
    if not export.absent:
        build = _read(table, ExporterConfigV1Alpha1.from_mapping, {"export": table.mapping("export")}).instantiate
    elif config:
        driver = {"type": _VIRTUAL_CLASS, "config": config}
        build = _read(table, partial(ExporterConfigV1Alpha1DriverInstance.from_mapping, where=""), driver).instantiate
    else:
        return VirtualBoard
    with within(table.where):
        build().close()
    return build


def _hooks_and_motd(table: ConfigReader) -> ExporterConfigV1Alpha1:
    hooks = table.table("hooks")
    hooks.only("beforeLease", "afterLease")
    for _, hook in table.tables("hooks"):
        hook.only("script", "exec", "timeout", "onFailure")
    section = {"motd": table.text("motd"), "hooks": table.mapping("hooks")}
    return _read(table, ExporterConfigV1Alpha1.from_mapping, section)


def _read(table: ConfigReader, read: Callable[[dict[str, Any]], Parsed], section: dict[str, Any]) -> Parsed:
    """Read a part of an exporter's configuration by what reads those."""
    with within(table.where):
        return read(section)


def _policy(name: str, table: ConfigReader) -> ExporterAccessPolicy:
    table.only("exporters", "rules")
    try:
        rules = [_rule(rule) for rule in table.rows("rules")]
        return ExporterAccessPolicy(name=name, exporters=table.text("exporters") or "", rules=rules)
    except SelectorError as error:
        raise table.error("", f"{one_line(str(error)).rstrip('.')}.") from error


def _rule(table: ConfigReader) -> AccessRule:
    table.only("clients", "priority", "maximum_duration", "spot_access", "description")
    return AccessRule(
        clients=table.listed_texts("clients") or ("",),
        priority=int(table.number("priority", 0)),
        maximum_duration=_duration(table, "maximum_duration"),
        spot_access=table.boolean("spot_access"),
        description=table.text("description") or "",
    )


def _duration(table: ConfigReader, key: str) -> timedelta | None:
    seconds = table.duration(key)
    return None if seconds is None else timedelta(seconds=seconds)


def _labels(table: ConfigReader, key: str) -> dict[str, str]:
    labels = table.texts(key)
    for name, value in labels.items():
        if not (is_label_key(name) and is_label_value(value)):
            raise table.error(
                key, f"{shown(f'{name}={value}')} cannot be a label. Use letters, digits, '-', '_' and '.'."
            )
    return labels


def _port(table: ConfigReader, key: str) -> int:
    port = table.number(key, 0)
    if port != int(port) or not 0 <= port <= PORT_LIMIT:
        raise table.error(key, f"a port from 0 to {PORT_LIMIT} is needed, not {port:g}.")
    return int(port)


def _amount(table: ConfigReader, key: str, default: float) -> float:
    amount = table.number(key, default)
    if amount < 0:
        raise table.error(key, f"a number from 0 on is needed, not {amount:g}.")
    return amount


def _truth(table: ConfigReader, key: str) -> bool:
    """Return a truth value; absent is true."""
    return table.boolean(key) or not table.has(key)


def _check_names(section: str, names: list[str]) -> None:
    for name, number in Counter(names).items():
        if number > 1:
            raise InvalidSetting(section, f"{number} are called {shown(name)}. Give each a name of its own.")
        if not is_subdomain(name):
            raise InvalidSetting(
                section, f"{shown(name)} cannot be a name. Use lower-case letters, digits, '-' and '.'."
            )
