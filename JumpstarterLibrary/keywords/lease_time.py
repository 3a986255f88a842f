"""Keywords that tell how long leases last, and extend them."""

from __future__ import annotations

import datetime

from robot.api.deco import keyword

from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.errors import LeaseError
from JumpstarterLibrary.keywords.lease_base import LeaseBase


class LeaseTimeKeywords(LeaseBase):
    """Lease time: extend, look at, require."""

    @keyword(tags=("Lease",))
    def extend_lease(
        self, by: datetime.timedelta = datetime.timedelta(minutes=30), *, device: str | None = None
    ) -> datetime.timedelta:
        """Makes a lease last longer than it would.

        Args:
            by: How much longer. Default: 30 minutes.
            device: Alias. Default: the current device.

        Returns:
            How long it lasts from now on.

        Raises:
            LeaseError: It is over, belongs to another client or has a fixed end.
            LinkError: The controller cannot be reached.

        Example:
        | Extend Lease    1 h
        """
        return self.leased(device).lease.extend(by)

    @keyword(tags=("Lease", "Getter"))
    def get_lease_time_left(self, *, device: str | None = None) -> datetime.timedelta:
        """Returns how long the lease of a device lasts from now on, by the controller's clock.

        Args:
            device: Alias. Default: the current device.

        Raises:
            LeaseError: The device was not leased, or its lease's end is unknown.
            LinkError: The controller cannot be reached.

        Example:
        | ${left} =    Get Lease Time Left
        | Log    ${left}
        """
        alias = self.devices.alias(device)
        left = self.state_of(alias).time_left
        if left is None:
            raise LeaseError(f"The time left of the lease of device '{alias}' is not known: it has not begun yet.")
        return left

    @keyword(tags=("Lease", "Assertion"))
    def lease_should_have_time_left(
        self, minimum: datetime.timedelta = datetime.timedelta(minutes=15), *, device: str | None = None
    ) -> None:
        """Fails unless the lease of a device lasts long enough: before a flash that could not be finished.

        A lease that extends itself counts with the time that it can still be extended by.

        Args:
            minimum: How long it has to last from now on. Default: 15 minutes.
            device: Alias. Default: the current device.

        Raises:
            LeaseError: It does not; or the device was not leased.
            LinkError: The controller cannot be reached.

        Example:
        | Lease Should Have Time Left    20 min
        | Write Image    image.xz
        """
        alias = self.devices.alias(device)
        state = self.state_of(alias)
        left = state.time_left or datetime.timedelta(0)
        target = self.devices.get(alias)
        if isinstance(target, LeasedDevice) and target.lease.hard is not None:
            left = max(left, target.lease.hard - state.elapsed)
        if left < minimum:
            raise LeaseError(
                f"The lease of device '{alias}' lasts only {format_duration(round(left.total_seconds(), 1))} "
                f"from now on, and {format_duration(minimum.total_seconds())} are needed. Extend it with `Extend "
                f"Lease`, or acquire a longer one."
            )
