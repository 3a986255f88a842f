"""Base of the lease keywords: the lease behind a device, and what the controller says of it."""

from __future__ import annotations

import datetime

from JumpstarterLibrary.client.config import ShellFacts
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.state import LeaseState
from JumpstarterLibrary.common.environment import LEASE
from JumpstarterLibrary.errors import LeaseError
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.keywords.devices import Devices
from JumpstarterLibrary.keywords.leasing import Leases
from JumpstarterLibrary.types import LeaseInfo, Mode


class LeaseBase(Keywords):
    """Base of the keyword classes that work with leases.

    Args:
        devices: The devices of the run.
        timeout: The library's default timeout for waits.
        leases: Where leased devices come from.
    """

    def __init__(self, devices: Devices, timeout: datetime.timedelta, leases: Leases) -> None:
        super().__init__(devices, timeout)
        self.leases = leases

    def leased(self, alias: str | None) -> LeasedDevice:
        """Return a device that was leased.

        Raises:
            LeaseError: It was not.
        """
        alias = self.devices.alias(alias)
        device = self.devices.get(alias)
        if not isinstance(device, LeasedDevice):
            raise LeaseError(
                f"Device '{alias}' was not leased by this run (mode {self.devices.mode(alias).value}), so it has no "
                f"lease to work with. Use `Acquire Lease` outside of a shell."
            )
        return device

    def state_of(self, alias: str) -> LeaseState:
        """Ask the controller for the lease behind a device; inside a shell, for the shell's."""
        device = self.devices.get(alias)
        if isinstance(device, LeasedDevice):
            state = device.lease.state()
            device.lease.check()
            return state
        name = self.devices.environ.get(LEASE)
        if self.devices.mode(alias) is Mode.shell and name and name != Mode.direct.value:
            return self.leases.service(Mode.lease).controller.lease(name)
        return self.leased(alias).lease.state()

    def info(self, alias: str) -> LeaseInfo:
        """Return the lease behind a device as users see it; inside a shell, as the shell told it."""
        device = self.devices.get(alias)
        environ = self.devices.environ
        if isinstance(device, LeasedDevice):
            return read(device.lease.state(), alias, device.labels)
        if self.devices.mode(alias) is not Mode.shell:
            return read(self.state_of(alias), alias, {})
        facts = ShellFacts.from_environment(environ)
        return LeaseInfo(facts.lease, alias, facts.exporter, dict(facts.labels))


def read(state: LeaseState, alias: str, labels: dict[str, str]) -> LeaseInfo:
    """Return a lease as users see it."""
    return LeaseInfo(
        name=state.name,
        device=alias,
        exporter=state.exporter,
        labels=labels,
        client=state.client,
        status=state.phase.value,
        selector=state.selector,
        begin=state.begin,
        end=state.end or state.planned_end,
        time_left=state.time_left,
        tags=state.tags,
        context=state.context,
    )
