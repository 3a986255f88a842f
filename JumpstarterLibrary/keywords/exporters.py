"""Keywords for exporters as the controller lists them, and for faults of the virtual lab."""

from __future__ import annotations

import datetime
from typing import Any

from robot.api import SkipExecution, logger
from robot.api.deco import keyword

from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.leasing.availability import Availability
from JumpstarterLibrary.common import environment
from JumpstarterLibrary.errors import ConfigurationError, ExporterNotReady, LeaseUnsatisfiable
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.keywords.devices import Devices
from JumpstarterLibrary.keywords.leasing import Leases
from JumpstarterLibrary.reporting.html import table
from JumpstarterLibrary.types import ExporterStatus, Mode

POLL_S = 0.2


class ExporterKeywords(Keywords):
    """Exporters: list, count, require, wait for; the setup; faults of the virtual lab."""

    def __init__(self, devices: Devices, timeout: datetime.timedelta, leases: Leases) -> None:
        super().__init__(devices, timeout)
        self.leases = leases

    @keyword(tags=("Exporter", "Getter"))
    def get_exporters(self, selector: str = "") -> list[ExporterStatus]:
        """Returns the exporters that the controller lists, with the clients that hold them.

        Args:
            selector: Label expression, perhaps with alternatives. Default: all exporters.

        Returns:
            A list of objects with ``name``, ``labels``, ``online``, ``enabled``, ``status``, ``free``, ``client``,
            ``lease`` and ``until``.

        Raises:
            ConfigurationError: There is no client configuration, or the selector is not one.
            LinkError: The controller cannot be reached, or refuses this client.

        Example:
        | @{boards} =    Get Exporters    board=rpi4
        | FOR    ${board}    IN    @{boards}
        |     Log    ${board.name} ${board.free} ${board.client}
        | END
        """
        return [_read(one) for one in self._exporters(selector)]

    @keyword(tags=("Exporter", "Getter"))
    def get_exporter_count(self, selector: str = "", *, free: bool = False) -> int:
        """Returns how many exporters there are, for example to choose the number of parallel workers.

        Args:
            selector: Label expression, perhaps with alternatives. Default: all exporters.
            free: Count only those that could be leased now. Default: all that are online and enabled.

        Raises:
            ConfigurationError: There is no client configuration, or the selector is not one.
            LinkError: The controller cannot be reached, or refuses this client.

        Example:
        | ${boards} =    Get Exporter Count    board=rpi4
        """
        found = self._exporters(selector)
        return sum(one.free if free else one.exporter.online and one.exporter.enabled for one in found)

    @keyword(tags=("Exporter", "Assertion"))
    def exporter_should_be_available(self, selector: str = "") -> ExporterStatus:
        """Fails unless an exporter could be leased now.

        Args:
            selector: Label expression, perhaps with alternatives. Default: any exporter.

        Returns:
            The first one that is free.

        Raises:
            ExporterNotReady: None is free; the message tells who holds those that match.
            LeaseUnsatisfiable: None matches.
            ConfigurationError: There is no client configuration, or the selector is not one.
            LinkError: The controller cannot be reached, or refuses this client.

        Example:
        | Exporter Should Be Available    board=rpi4
        """
        return _read(self._free(selector))

    @keyword(tags=("Exporter",))
    def skip_if_no_exporter(self, selector: str = "") -> None:
        """Skips the test unless an exporter could be leased now.

        Trouble with the controller is no reason to skip: it fails the test.

        Args:
            selector: Label expression, perhaps with alternatives. Default: any exporter.

        Raises:
            ConfigurationError: There is no client configuration, or the selector is not one.
            LinkError: The controller cannot be reached, or refuses this client.

        Example:
        | Skip If No Exporter    board=rpi5
        """
        try:
            self._free(selector)
        except (ExporterNotReady, LeaseUnsatisfiable) as error:
            raise SkipExecution(str(error)) from error

    @keyword(tags=("Exporter",))
    def wait_for_exporter_status(
        self,
        status: str,
        *,
        timeout: datetime.timedelta = datetime.timedelta(seconds=30),
        exporter: str | None = None,
        device: str | None = None,
    ) -> str:
        """Waits until an exporter has a status.

        Args:
            status: ``LEASE_READY``, ``AVAILABLE``, ``BEFORE_LEASE_HOOK``, ``AFTER_LEASE_HOOK``,
                ``BEFORE_LEASE_HOOK_FAILED``, ``AFTER_LEASE_HOOK_FAILED``, ``OFFLINE`` or ``UNSPECIFIED``; several are
                divided by a bar. Case and blanks do not matter.
            timeout: How long to wait. Default: 30 seconds.
            exporter: Name of an exporter, whose status the controller tells. Default: that of the device, which tells
                its own.
            device: Alias. Default: the current device.

        Returns:
            The status.

        Raises:
            ExporterNotReady: It did not have it in time; the message has the one that it had.
            InfrastructureError: The exporter, or the controller, cannot be asked.

        Example:
        | Wait For Exporter Status    LEASE_READY
        | Wait For Exporter Status    AVAILABLE | OFFLINE    exporter=bench-7    timeout=2 min
        """
        wanted = [part.strip().replace(" ", "_").upper() for part in status.split("|")]
        unknown = [one for one in wanted if one not in _STATUSES]
        if unknown:
            raise ConfigurationError(f"'{unknown[0]}' is no exporter status. There are: {', '.join(_STATUSES)}.")
        deadline = Deadline(timeout)
        who = exporter or self.device(device).link.name
        while True:
            if exporter is not None:
                found = str(self._service().controller.exporter(exporter, deadline.within(10.0, 1.0)).status)
            else:
                found = self.device(device).status(deadline.within(5.0, 1.0)).status
            if found in wanted:
                return found
            if deadline.expired:
                raise ExporterNotReady(
                    f"Exporter '{who}' did not get the status {' or '.join(wanted)} within "
                    f"{format_duration(timeout.total_seconds())}; it is {found}."
                )
            pause(deadline.at_most(POLL_S))

    @keyword(tags=("Connection", "Reporting"))
    def log_jumpstarter_setup(self) -> None:
        """Writes the client configuration into the log: each value, and where it came from. Secrets are masked.

        The profiles of the connected devices follow, with the reason for each; see `Profiles`.

        Raises:
            ConfigurationError: There is none, or it is not usable.

        Example:
        | Log Jumpstarter Setup
        """
        mode = self.devices.default.mode
        settings = self._service().controller.settings if mode is Mode.virtual else self.leases.settings()
        rows = [(line.key, line.value, line.origin) for line in settings.described()]
        names = (environment.HOST, environment.LEASE, environment.EXPORTER)
        rows += [(name, self.devices.environ[name], "environment") for name in names if name in self.devices.environ]
        rows.append(("mode", mode.value, "library import"))
        for alias, device in self.devices.connected():
            if device.profile is not None:
                rows.append((f"profile of device '{alias}'", device.profile.name, f"its exporter {device.profile.why}"))
        logger.info(table(f"Client configuration: {settings.source}", ("setting", "value", "from"), rows), html=True)

    @keyword(tags=("Virtual lab",))
    def inject_fault(self, target: str, fault: str, **options: Any) -> None:
        """Lets something go wrong in the virtual lab, to see how a test, or this library, takes it.

        Only with ``mode=virtual``. ``docs/lab.md`` lists all faults with their options. A fault stays until the end of
        the run, or as long as its option ``for`` says; `Clear Faults` ends all of them.

        Args:
            target: What is to fail: ``router``, ``exporter``, ``lease``, ``controller``, ``token`` and so on.
            fault: What happens to it: ``drop``, ``offline``, ``expire``.
            options: How: ``after=2 s``, ``for=10 s``, ``name=virtual-1`` and so on.

        Raises:
            ConfigurationError: There is no such target, fault or option; the message lists those that there are.

        Example:
        | Inject Fault    router    drop    after=2 s
        | Inject Fault    exporter    offline    for=10 s
        | Inject Fault    controller    slow    rpc=GetLease    delay=3 s
        """
        if self.devices.default.mode is not Mode.virtual:
            raise ConfigurationError(
                "Faults can only be injected into a virtual lab. Import the library with mode=virtual."
            )
        self._faults.append(self.leases.lab().inject(target, fault, **options))

    @keyword(tags=("Virtual lab",))
    def clear_faults(self) -> None:
        """Ends all faults that `Inject Fault` began, as far as they can be undone.

        Example:
        | Clear Faults
        """
        while self._faults:
            self._faults.pop().clear()

    @property
    def _faults(self) -> list[Any]:
        return self.leases.faults

    def _service(self) -> Any:
        return self.leases.service(self.devices.default.mode)

    def _exporters(self, selector: str) -> list[Availability]:
        found: list[Availability] = self._service().exporters(selector)
        return found

    def _free(self, selector: str) -> Availability:
        found = self._exporters(selector)
        which = f"selector '{selector}'" if selector else "any selector"
        if not found:
            raise LeaseUnsatisfiable(f"No exporter matches {which}. `Get Exporters` returns what there is.")
        for one in found:
            if one.free:
                return one
        raise ExporterNotReady(f"No exporter of {which} is free: {', '.join(map(str, found[:5]))}. Try again later.")


_STATUSES = (
    "UNSPECIFIED",
    "OFFLINE",
    "AVAILABLE",
    "BEFORE_LEASE_HOOK",
    "LEASE_READY",
    "AFTER_LEASE_HOOK",
    "BEFORE_LEASE_HOOK_FAILED",
    "AFTER_LEASE_HOOK_FAILED",
)


def _read(one: Availability) -> ExporterStatus:
    lease = one.lease
    return ExporterStatus(
        name=one.exporter.name,
        labels=one.exporter.labels,
        online=one.exporter.online,
        enabled=one.exporter.enabled,
        status=one.exporter.status,
        free=one.free,
        client=lease.client if lease else "",
        lease=lease.name if lease else "",
        until=lease.planned_end if lease else None,
    )
