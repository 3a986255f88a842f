"""The devices of a run, by alias: which one is current, who uses them, and when they are closed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol
from weakref import WeakSet

from JumpstarterLibrary.client import Device, DirectConnection, Timing
from JumpstarterLibrary.client.devices.mode import ConnectionMode
from JumpstarterLibrary.client.devices.names import DeviceNames
from JumpstarterLibrary.client.devices.pool import DevicePool, PooledDevice
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.timing import TimingSource
from JumpstarterLibrary.common.environment import HOST, LEASE
from JumpstarterLibrary.errors import (
    AmbiguousDriver,
    ConfigurationError,
    DeviceFailure,
    InfrastructureError,
    JumpstarterError,
    NoSuchDevice,
    NoSuchDriver,
)
from JumpstarterLibrary.types import Mode, Scope, Tls

logger = logging.getLogger(__name__)


_names = DeviceNames()
_imports: WeakSet[Devices] = WeakSet()
"""The devices of each import of the library; it may be imported several times, the run is one."""

_ABOUT_A_DEVICE = (InfrastructureError, DeviceFailure, NoSuchDriver, AmbiguousDriver)


class ExporterHost(Protocol):
    """An exporter in this process."""

    host: str

    def close(self) -> None:
        """Stop it."""


class LeaseSource(Protocol):
    """Source of leased devices, which also releases them."""

    def connect(
        self, wanted: DeviceRequest, events: Events, lease: str | None, held: Mapping[str, str]
    ) -> LeasedDevice:
        """Lease a device, or connect to the one of an existing lease."""

    def release(self, device: LeasedDevice) -> None:
        """Close a device, and release its lease if it is ours."""

    def close(self) -> None:
        """Close the connection to the controller."""


@dataclass(eq=False)
class _Entry(PooledDevice):
    """A device with an alias.

    Attributes:
        mode: How the device was found.
        target: What other requests have to name to share the device; None where nothing was leased.
        default: Whether it was connected because a keyword needed a device, and not because the test asked for it.
    """

    mode: Mode
    target: tuple[str | None, str | None, str | None] | None = None
    default: bool = False


class Devices:
    """All connected devices of a run.

    Args:
        default: How a device is found when a keyword needs one and none is connected.
        environ: The environment.
        virtual: Starts an exporter with a virtual board in this process.
        prepare: Called with each new device and its alias, before it is used.
        leasing: Where leased devices come from.
        events: Returns the events of a device that is about to come under an alias.
    """

    DEFAULT_ALIAS = "device"

    def __init__(
        self,
        default: DeviceRequest,
        environ: Mapping[str, str],
        virtual: Callable[[], ExporterHost],
        prepare: Callable[[Device, str], None],
        leasing: LeaseSource | None = None,
        events: Callable[[str], Events] = lambda _alias: Events(),
    ) -> None:
        self.default = default
        self.owner: str | None = None
        """What devices connected from now on belong to: the running suite."""
        self.test: str | None = None
        """The running test."""
        self.in_teardown = False
        """Whether a teardown runs, which never connects the default device."""
        self.environ = environ
        self._virtual = virtual
        self._prepare = prepare
        self._leasing = leasing
        self._events = events
        self._pool: DevicePool[str, _Entry] = DevicePool()
        self._gone: set[str] = set()
        self._warned: set[str] = set()
        self._current: str | None = None
        _imports.add(self)
        self._why_none = ""
        """Why no device is connected any more, so that no keyword connects the default by accident; empty at first."""

    @property
    def _entries(self) -> Mapping[str, _Entry]:
        return self._pool.items

    def connected(self) -> list[tuple[str, Device]]:
        """Return the devices that are connected, with their aliases."""
        return [(alias, entry.device) for alias, entry in self._entries.items()]

    def timing(self, source: TimingSource) -> Timing | None:
        """Return a timing that changes the library's; None where nothing is given.

        Raises:
            ConfigurationError: It has a field that there is not, or a value that is no length of time.
        """
        return None if source is None else Timing.of(source, self.default.timing)

    def connect(self, wanted: DeviceRequest, alias: str | None = None) -> str:
        """Connect a device, make it the current one and return its alias.

        Raises:
            ConfigurationError: There is nothing to connect to, or the alias is taken.
            InfrastructureError: The exporter cannot be reached, or not be leased.
        """
        with self._asked_for():
            return self._connect(wanted, alias)

    def _connect(self, wanted: DeviceRequest, alias: str | None = None) -> str:
        return self._add(wanted, wanted.resolve_mode(environ=self.environ), alias, [self.owner])

    @contextmanager
    def _asked_for(self) -> Iterator[None]:
        """Remember a request of the test that fails: no keyword connects the default device in its place."""
        try:
            yield
        except BaseException as error:  # a timeout of the test, too
            self._why_none = f"the last request for one failed with {type(error).__name__}"
            raise

    def acquire(self, wanted: DeviceRequest, alias: str | None = None) -> str:
        """Lease a device, or share the one that was leased for the same; make it current.

        Inside a shell the device is the shell's, for any request: the same suite runs there and outside.

        Args:
            wanted: What is wanted, how, and how long it is kept.
            alias: Its name; None for any.

        Raises:
            ConfigurationError: There is nothing to lease, or the alias is taken.
            InfrastructureError: It cannot be leased or reached.
        """
        with self._asked_for():
            return self._acquire(wanted, alias)

    def _acquire(self, wanted: DeviceRequest, alias: str | None) -> str:
        owner = {Scope.run: None, Scope.suite: self.owner, Scope.test: self.test or self.owner}[wanted.scope]
        same = self._same(wanted, alias)
        owners: list[Hashable] = [owner]
        if same is not None:
            entry = self._pool.share(same, owner, wanted.request)
            if entry is not None:
                logger.info("Device '%s' (exporter '%s') is shared.", same, entry.device.link.name)
                entry.device.timing = wanted.timing or entry.device.timing
                self._current = same
                return same
            # The new device gets the alias and the owners of the one that cannot be used any more.
            alias, owners = same, [*self._entries[same].owners, owner]
            self._discard([same])
        mode = wanted.resolve_mode(environ=self.environ)
        if mode.mode is Mode.shell and any(entry.mode is Mode.shell for entry in self._entries.values()):
            raise ConfigurationError(
                f"This run is inside a shell, whose only device is in use already. Unset {HOST}, or use mode=lease, to "
                f"lease another one."
            )
        return self._add(wanted, mode, alias, owners)

    def _add(self, wanted: DeviceRequest, mode: ConnectionMode, alias: str | None, owners: list[Hashable]) -> str:
        alias = alias or self._free_alias()
        if alias in self._entries:
            raise ConfigurationError(
                f"There is a device '{alias}' already. Disconnect it first, or choose another alias."
            )
        with ExitStack() as stack:
            events = self._events(alias)
            stack.callback(events.close)
            device = self._open(wanted, mode, stack, events)
            how = f"mode {mode.mode.value}"
            if isinstance(device, LeasedDevice):
                how += f", lease {device.lease.name}"
            logger.info("Device '%s' is exporter '%s' (%s).", alias, device.link.name, how)
            device.name_suffix = _names.add(self, device.link.name, alias)
            self._prepare(device, alias)
            self._pool.add(alias, _Entry(device, stack.pop_all(), mode.mode, wanted.target, owners=owners))
        self._current, self._why_none = alias, ""
        self._gone.discard(alias)
        return alias

    def _open(self, wanted: DeviceRequest, mode: ConnectionMode, stack: ExitStack, events: Events) -> Device:
        """Connect a device; what it takes to close it goes to the stack."""
        wanted = replace(wanted, timing=wanted.timing or self.default.timing)
        if mode.mode is Mode.lease or (mode.mode is Mode.virtual and wanted.request is not None):
            if self._leasing is None:
                raise ConfigurationError("Nothing can be leased here.")
            self._check_attached(mode.lease)
            leased = self._leasing.connect(wanted, events, mode.lease, self._held())
            stack.callback(self._leasing.release, leased)
            return leased
        connection = self._connection(wanted, mode.mode, stack)
        self._warn_if_insecure(connection)
        device = Device.connect(connection, wanted.timeout, events=events, timing=wanted.timing)
        stack.callback(device.close)
        return device

    def _held(self) -> dict[str, str]:
        """Return the leases of this run by name, with their devices in words."""
        return {
            entry.device.lease.name: f"device '{alias}'{'' if devices is self else ' of another import'}"
            for devices in _imports
            for alias, entry in devices._entries.items()
            if isinstance(entry.device, LeasedDevice) and entry.device.lease.ours
        }

    def _check_attached(self, lease: str | None) -> None:
        """Raise if a device uses a lease already that another owner has made."""
        for alias, entry in self._entries.items():
            if lease and isinstance(entry.device, LeasedDevice) and entry.device.lease.name == lease:
                raise ConfigurationError(
                    f"{LEASE} names one lease, '{lease}', which device '{alias}' uses already. Unset {LEASE} to lease "
                    f"another device."
                )

    def _same(self, wanted: DeviceRequest, alias: str | None) -> str | None:
        """Return the alias of the device that was acquired for the same request, or whose name would be free."""
        for name, entry in self._entries.items():
            if alias == name and entry.lease_ended:
                return name
            if alias in (None, name) and wanted.target is not None and entry.target == wanted.target:
                return name
        return None

    def get(self, alias: str | None = None) -> Device:
        """Return a device by its alias, or the current one; if there is none at all, connect the default.

        Raises:
            NoSuchDevice: No device has that alias.
        """
        if alias is not None:
            return self._entry(alias).device
        if self._current is None:
            self._connect_default()
        assert self._current is not None
        return self._entries[self._current].device

    def _connect_default(self) -> None:
        """Connect the device that the library import describes, at the first need of one only.

        Raises:
            NoSuchDevice: There was a device, or a request for one, before; or a teardown runs.
        """
        why = self._why_none or ("a teardown leases and connects none" if self.in_teardown else "")
        if why:
            raise NoSuchDevice(f"No device is connected: {why}. Use Acquire Lease or Connect To Exporter first.")
        alias = self._connect(self.default) if self.default.request is None else self._acquire(self.default, None)
        self._entries[alias].default = True

    @property
    def none_in_teardown(self) -> bool:
        """Whether a teardown runs with no device connected, so that there is nothing to switch off."""
        return self.in_teardown and self._current is None

    def alias(self, alias: str | None = None) -> str:
        """Return the alias of a device, or of the current one, connecting the default if there is none."""
        self.get(alias)
        return alias or str(self._current)

    def name_in(self, error: JumpstarterError, alias: str | None) -> None:
        """Let an error tell which device it is about, where there are several and it does not tell so far.

        Args:
            error: The error of a keyword.
            alias: The device that the keyword was given; None for the current one.
        """
        entry = self._entries.get(alias or self._current or "")
        suffix = "" if entry is None else entry.device.name_suffix()
        if suffix and suffix not in error.facts and isinstance(error, _ABOUT_A_DEVICE):
            error.add_fact(f"The device is {suffix.removeprefix(' of ')}.")

    def switch(self, alias: str) -> str | None:
        """Make a device the current one; return the alias of the one that was."""
        self._entry(alias)
        previous, self._current = self._current, alias
        return previous

    def disconnect(self, alias: str | None = None) -> None:
        """Close a device, or the current one; release its lease if it is ours. One that is gone already is fine.

        Raises:
            NoSuchDevice: There never was a device of that alias.
        """
        alias = self._closing(alias)
        if alias is not None:
            self._close(alias)
            self._why_none = f"device '{alias}' was disconnected"

    def release(self, alias: str | None = None) -> None:
        """Let go of a device, or of the current one; it is closed when all its owners have let go.

        Raises:
            NoSuchDevice: There never was a device of that alias.
        """
        alias = self._closing(alias)
        if alias is None:
            return
        entry = self._entries[alias]
        entry.owners.pop()
        if entry.owners:
            logger.info("Device '%s' is still in use by %d others.", alias, len(entry.owners))
        else:
            self._close(alias)
            self._why_none = f"device '{alias}' was released"

    def _closing(self, alias: str | None) -> str | None:
        """Return which device is to be closed; None if it is closed already."""
        if alias is None and self._current is None:
            logger.info("No device is connected; nothing to disconnect.")
            return None
        alias = alias or str(self._current)
        if alias not in self._entries and alias in self._gone:
            logger.info("Device '%s' is disconnected already.", alias)
            return None
        self._entry(alias)
        return alias

    def all(self) -> dict[str, Device]:
        """Return all connected devices by alias."""
        return {alias: entry.device for alias, entry in self._entries.items()}

    def mode(self, alias: str) -> Mode:
        """Return how a device was found."""
        return self._entry(alias).mode

    def begin_suite(self, suite: str) -> None:
        """Begin a suite: devices connected from now on belong to it, and its first keyword may connect the default."""
        self.owner, self._why_none = suite, ""
        self.forget_names()

    def forget_names(self) -> None:
        """Name devices in messages only where others are connected, or come from now on: a suite or test begins."""
        _names.keep(self, self._entries)

    def close_owned(self, owner: str) -> None:
        """Let go of the devices that an owner uses; those without another owner are closed."""
        for entry in self._entries.values():
            if owner in entry.owners:
                entry.owners = [other for other in entry.owners if other != owner]
        ended = [alias for alias, entry in self._entries.items() if not entry.owners]
        asked_for = [alias for alias in ended if not self._entries[alias].default]
        self._discard(ended)
        if asked_for:
            kept = "suite" if owner == self.owner else "test"
            self._why_none = f"device '{asked_for[-1]}' was kept for a {kept}, which has ended"

    def close_all(self) -> None:
        """Close everything, also the connections to controllers."""
        self._discard(list(self._entries))
        self.forget_names()
        if self._leasing is not None:
            self._leasing.close()

    def _discard(self, aliases: list[str]) -> None:
        """Close devices at the end of what they belong to; trouble is no verdict on any test."""
        for alias in aliases:
            self._forget(alias)
            self._pool.discard(alias)

    def _close(self, alias: str) -> None:
        self._forget(alias)
        self._pool.close(alias)

    def _forget(self, alias: str) -> None:
        """Note that a device is about to be closed, and make the newest other one the current one."""
        self._gone.add(alias)
        if self._current == alias:
            self._current = next((name for name in reversed(list(self._entries)) if name != alias), None)

    def _warn_if_insecure(self, connection: DirectConnection) -> None:
        """Warn once for each exporter whose identity is not checked."""
        if connection.address.path is not None or connection.tls is Tls.verify or connection.name in self._warned:
            return
        self._warned.add(connection.name)
        what = "is not encrypted" if connection.tls is Tls.plaintext else "trusts any certificate"
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

    def _connection(self, wanted: DeviceRequest, mode: Mode, stack: ExitStack) -> DirectConnection:
        if mode is Mode.shell:
            return DirectConnection.from_environment(
                self.environ, tls=wanted.tls, ca=wanted.ca, passphrase=wanted.passphrase
            )
        if mode is Mode.virtual:
            exporter = self._virtual()
            stack.callback(exporter.close)
            return DirectConnection.from_arguments(exporter.host, environ={})
        return DirectConnection.from_arguments(
            wanted.host or "",
            tls=wanted.tls,
            ca=wanted.ca,
            passphrase=wanted.passphrase,
            environ=self.environ,
        )
