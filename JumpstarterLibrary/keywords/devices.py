"""The devices of a run, by alias: how they are found, which one is current, and when they are closed."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.config import HOST
from JumpstarterLibrary.errors import ConfigurationError, NoSuchDevice
from JumpstarterLibrary.types import Mode, Tls

logger = logging.getLogger(__name__)

CHOICES = (
    f"Give host= (a socket path or HOST:PORT), run inside `jmp shell` (which sets {HOST}), "
    f"or use mode=virtual for a virtual board."
)


class Exporter(Protocol):
    """An exporter in this process."""

    host: str

    def close(self) -> None:
        """Stop it."""


@dataclass(frozen=True)
class Finding:
    """How a device is to be found.

    Attributes:
        mode: Where to look.
        host: Socket path or HOST:PORT, for direct mode.
        tls: How TCP is secured; None for the environment's word.
        ca: PEM file of the authorities to trust.
        passphrase: The exporter's passphrase; None for the environment's.
        timeout: For the exporter's first answer.
    """

    mode: Mode = Mode.auto
    host: str | None = None
    tls: Tls | None = None
    ca: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    timeout: datetime.timedelta = datetime.timedelta(seconds=30)

    def resolved_mode(self, environ: Mapping[str, str]) -> Mode:
        """Return the mode that ``auto`` stands for; any other is what it is.

        Raises:
            ConfigurationError: There is nothing to decide by, or ``host`` contradicts the mode.
        """
        if self.host is not None and self.mode not in (Mode.auto, Mode.direct):
            raise ConfigurationError(
                f"host= and mode={self.mode.value} contradict each other. Leave one of the two out."
            )
        if self.mode is Mode.direct and self.host is None:
            raise ConfigurationError("mode=direct needs host=: the socket path or HOST:PORT of an exporter.")
        if self.mode is not Mode.auto:
            return self.mode
        if self.host is not None:
            return Mode.direct
        if environ.get(HOST):
            return Mode.shell
        raise ConfigurationError(f"There is no device: no host= was given and {HOST} is not set. {CHOICES}")


@dataclass
class _Entry:
    device: Device
    owner: str | None
    stack: ExitStack


class Devices:
    """All connected devices of a run.

    Args:
        default: How a device is found when a keyword needs one and none is connected.
        environ: The environment.
        virtual: Starts an exporter with a virtual board in this process.
        prepare: Called with each new device and its alias, before it is used.
    """

    DEFAULT_ALIAS = "device"

    def __init__(
        self,
        default: Finding,
        environ: Mapping[str, str],
        virtual: Callable[[], Exporter],
        prepare: Callable[[Device, str], None],
    ) -> None:
        self.default = default
        self.owner: str | None = None
        """What devices connected from now on belong to: the running suite."""
        self._environ = environ
        self._virtual = virtual
        self._prepare = prepare
        self._entries: dict[str, _Entry] = {}
        self._gone: set[str] = set()
        self._warned: set[str] = set()
        self._current: str | None = None

    def connect(self, finding: Finding, alias: str | None = None) -> str:
        """Connect a device, make it the current one and return its alias.

        Raises:
            ConfigurationError: There is nothing to connect to, or the alias is taken.
            InfrastructureError: The exporter cannot be reached.
        """
        alias = alias or self._free_alias()
        if alias in self._entries:
            raise ConfigurationError(
                f"There is a device '{alias}' already. Disconnect it first, or choose another alias."
            )
        mode = finding.resolved_mode(self._environ)
        with ExitStack() as stack:
            connection = self._connection(finding, mode, stack)
            self._warn_if_insecure(connection)
            device = Device.connect(connection, finding.timeout)
            stack.callback(device.close)
            logger.info("Device '%s' is exporter '%s' (mode %s).", alias, connection.name, mode.value)
            self._prepare(device, alias)
            self._entries[alias] = _Entry(device, self.owner, stack.pop_all())
        self._current = alias
        self._gone.discard(alias)
        return alias

    def get(self, alias: str | None = None) -> Device:
        """Return a device by its alias, or the current one; if there is none at all, connect the default.

        Raises:
            NoSuchDevice: No device has that alias.
        """
        if alias is not None:
            return self._entry(alias).device
        if self._current is None:
            self.connect(self.default)
        assert self._current is not None
        return self._entries[self._current].device

    def alias(self, alias: str | None = None) -> str:
        """Return the alias of a device, or of the current one, connecting the default if there is none."""
        self.get(alias)
        return alias or str(self._current)

    def switch(self, alias: str) -> str | None:
        """Make a device the current one; return the alias of the one that was."""
        self._entry(alias)
        previous, self._current = self._current, alias
        return previous

    def disconnect(self, alias: str | None = None) -> None:
        """Close a device, or the current one. One that is gone already is fine.

        Raises:
            NoSuchDevice: There never was a device of that alias.
        """
        if alias is None and self._current is None:
            logger.info("No device is connected; nothing to disconnect.")
            return
        alias = alias or str(self._current)
        if alias not in self._entries and alias in self._gone:
            logger.info("Device '%s' is disconnected already.", alias)
            return
        self._entry(alias)
        self._close(alias)

    def all(self) -> dict[str, Device]:
        """Return all connected devices by alias."""
        return {alias: entry.device for alias, entry in self._entries.items()}

    def close_owned(self, owner: str) -> None:
        """Close the devices that belong to an owner."""
        for alias in [alias for alias, entry in self._entries.items() if entry.owner == owner]:
            self._close(alias)

    def close_all(self) -> None:
        """Close everything."""
        for alias in list(self._entries):
            self._close(alias)

    def _close(self, alias: str) -> None:
        entry = self._entries.pop(alias)
        self._gone.add(alias)
        if self._current == alias:
            self._current = next(reversed(self._entries), None)
        entry.stack.close()

    def _warn_if_insecure(self, connection: DirectConnection) -> None:
        """Say once for each exporter that nobody knows who is at the other end."""
        if connection.address.path is not None or connection.tls is Tls.verify or connection.name in self._warned:
            return
        self._warned.add(connection.name)
        what = "is not encrypted" if connection.tls is Tls.plaintext else "trusts whatever certificate it is shown"
        logger.warning("The connection to exporter '%s' %s (tls=%s).", connection.name, what, connection.tls.value)

    def _entry(self, alias: str) -> _Entry:
        try:
            return self._entries[alias]
        except KeyError:
            there = ", ".join(self._entries) or "none"
            raise NoSuchDevice(f"No device '{alias}' is connected. Connected devices: {there}.") from None

    def _free_alias(self) -> str:
        names = [self.DEFAULT_ALIAS, *(f"{self.DEFAULT_ALIAS}{number}" for number in range(2, len(self._entries) + 3))]
        return next(name for name in names if name not in self._entries)

    def _connection(self, finding: Finding, mode: Mode, stack: ExitStack) -> DirectConnection:
        if mode is Mode.shell:
            return DirectConnection.from_environment(
                self._environ, tls=finding.tls, ca=finding.ca, passphrase=finding.passphrase
            )
        if mode is Mode.virtual:
            exporter = self._virtual()
            stack.callback(exporter.close)
            return DirectConnection.from_arguments(exporter.host, environ={})
        return DirectConnection.from_arguments(
            finding.host or "",
            tls=finding.tls,
            ca=finding.ca,
            passphrase=finding.passphrase,
            environ=self._environ,
        )
