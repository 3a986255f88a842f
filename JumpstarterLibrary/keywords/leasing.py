"""Lease devices for keywords, from the controller of the client configuration or a virtual lab in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Protocol

from JumpstarterLibrary.client.devices.leases import connect_leased
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.devices.virtual_lab import LabAccess, virtual_lab_settings
from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.leasing.termination import Termination
from JumpstarterLibrary.client.settings import ClientArguments, ClientSettings, find_settings
from JumpstarterLibrary.types import Mode

logger = logging.getLogger(__name__)


class Lab(LabAccess, Protocol):
    """A virtual lab that keywords run and disturb."""

    def inject(self, target: str, fault: str, **options: Any) -> Any:
        """Make something go wrong."""

    def __enter__(self) -> Any:
        """Start it."""

    def __exit__(self, *details: Any) -> Any:
        """Stop it."""


class SharedLab:
    """One virtual lab for several users, entered by each: started with the first and stopped with the last.

    Args:
        make: Makes the lab.
    """

    def __init__(self, make: Callable[[], Lab]) -> None:
        self._make = make
        self._lab: Lab | None = None
        self._users = 0

    def __enter__(self) -> Lab:
        if self._lab is None:
            self._lab = self._make().__enter__()
        self._users += 1
        return self._lab

    def __exit__(self, *details: object) -> None:
        self._users -= 1
        if self._users == 0 and self._lab is not None:
            lab, self._lab = self._lab, None
            lab.__exit__(*details)


class Leases:
    """Leases devices for keywords.

    Args:
        arguments: What the library import says of the client configuration.
        environ: The environment.
        lab: The virtual lab, entered when it is needed first.
        tick: Called several times a second while a lease is awaited.
    """

    def __init__(
        self, arguments: ClientArguments, environ: Mapping[str, str], lab: SharedLab, tick: Callable[[], None]
    ) -> None:
        self._arguments = arguments
        self._environ = environ
        self._shared_lab = lab
        self._tick = tick
        self._lab: Lab | None = None
        self._stack = ExitStack()
        self.faults: list[Any] = []
        """What was injected into the virtual lab and not cleared yet."""
        self._real = LeaseService(self.settings)
        self._virtual = LeaseService(lambda: virtual_lab_settings(self.lab()))
        self._origins: dict[LeasedDevice, LeaseService] = {}
        self._termination = Termination()

    def settings(self) -> ClientSettings:
        """Return the client's settings.

        Raises:
            ConfigurationError: There are none, or they are not usable.
        """
        return find_settings(self._arguments, self._environ)

    def service(self, mode: Mode) -> LeaseService:
        """Return where leases of a mode come from."""
        return self._virtual if mode is Mode.virtual else self._real

    def origin(self, device: LeasedDevice) -> LeaseService:
        """Return where a device came from."""
        return self._origins[device]

    def connect(
        self, wanted: DeviceRequest, events: Events, lease: str | None, held: Mapping[str, str]
    ) -> LeasedDevice:
        """Lease a device, or connect to the exporter of an existing lease.

        Args:
            wanted: What is wanted.
            events: The events of the device.
            lease: The name of the existing lease; None for one of our own.
            held: The leases that the run holds already, by name, with their devices in words.

        Raises:
            ConfigurationError: Nothing says what to lease, or from which controller.
            InfrastructureError: See ``LeaseService``.
        """
        self._termination.guard()
        service = self.service(wanted.mode)
        device = connect_leased(service, wanted, lease, events, tick=self._tick, follow_logs=True, held=held)
        self._origins[device] = service
        return device

    def release(self, device: LeasedDevice) -> None:
        """Close a device, and release its lease if it is ours."""
        # Robot handles SIGTERM only until listeners are closed.
        self._termination.guard()
        self._origins.pop(device).release(device)

    def secrets(self) -> list[str]:
        """Return what no artefact may show: the tokens of the controllers that are in use."""
        return [*self._real.secrets, *self._virtual.secrets]

    def lab(self) -> Lab:
        """Return the virtual lab, started when it is needed first."""
        if self._lab is None:
            self._lab = self._stack.enter_context(self._shared_lab)
        assert self._lab is not None
        return self._lab

    @property
    def running_lab(self) -> Lab | None:
        """The virtual lab, if it has been started."""
        return self._lab

    def close(self) -> None:
        """Close the connection to the controller, and the lab. Closing twice is fine."""
        self._real.close()
        self._virtual.close()
        self._lab = None
        self._stack.close()
        self._termination.restore()
