"""Leases: acquire, extend, transfer, release."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from robot.api.deco import keyword

from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.client.devices.leases import add_ci_metadata, check_lease_time, read_tags
from JumpstarterLibrary.client.devices.mode import lease_mode
from JumpstarterLibrary.client.devices.request import PROGRESS, DeviceRequest
from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.timing import TimingSource
from JumpstarterLibrary.keywords.lease_base import LeaseBase, read
from JumpstarterLibrary.types import LeaseInfo, Scope

Tags = Mapping[str, str] | None


class LeaseKeywords(LeaseBase):
    """Leases: acquire, extend, transfer, release, look at."""

    @keyword(tags=("Lease",))
    def acquire_lease(
        self,
        selector: str | None = None,
        exporter: str | None = None,
        *,
        alias: str | None = None,
        duration: datetime.timedelta = datetime.timedelta(minutes=30),
        max_duration: datetime.timedelta | None = None,
        timeout: datetime.timedelta | None = None,
        progress: datetime.timedelta = PROGRESS,
        scope: Scope | None = None,
        tags: Tags = None,
        context: Tags = None,
        name: str | None = None,
        begin: datetime.datetime | None = None,
        allow_disabled: bool = False,
        timing: TimingSource = None,
    ) -> LeaseInfo:
        """Leases an exporter, connects to it and makes it the current device.

        While it waits, the log and the console tell what for: one line at each change and one every ``progress``. If
        nothing becomes free in time, the request is taken back, and the error tells who holds what fits and until when.
        If nothing will ever fit, that is told at once, with the nearest labels.

        Who asks for the same again, for example the next suite, shares the lease. Inside ``jmp shell`` the shell's
        exporter is used, and nothing is leased; likewise the lease that ``JMP_LEASE`` names, which is never released.

        Args:
            selector: Label expression of the exporter: ``board=rpi4,os in (linux,android)``. Alternatives are divided
                by a bar: ``board=a | board=b`` takes the first that is free now, or else waits for the first that
                anything matches. Default: the library's.
            exporter: Name of the exporter, instead of or beside its labels. Default: the library's.
            alias: Name by which keywords find the device. Default: ``device``, then ``device2`` and so on.
            duration: How long the lease lasts from when it is granted. Default: 30 minutes.
            max_duration: Extend the lease by itself while the run lasts, up to this length in all. Default: never.
            timeout: For the lease, the connection and the exporter's hook together. Default:
                ``leases.acquisition_timeout`` of the client configuration, 2 hours.
            progress: Time between two lines about the wait. Default: 15 seconds.
            scope: How long it is kept: ``run``, ``suite`` or ``test``. Default: the library's.
            tags: Tags of the lease. Those of the CI system are added: project, run, job, worker and so on.
            context: Context metadata of the lease, likewise.
            name: The lease's name. A lease of that name that this client has already is used, but not released; no
                other lease may ever have had it. Default: a new one.
            begin: When the lease is to begin. Default: as soon as possible.
            allow_disabled: Take an exporter that its administrator has disabled, too. Default: no.
            timing: Time limits and pauses of the device that differ from the library's; see `Timing`. Default: none.

        Returns:
            The lease: ``name``, ``device`` (the alias), ``exporter``, ``labels``, ``end``, ``time_left`` and so on.

        Raises:
            LeaseTimeout: Nothing became free in time.
            LeaseUnsatisfiable: Nothing will ever fit.
            HookFailed: The exporter's hook before the lease failed; its last lines are in the message.
            ExporterNotReady: The exporter is offline or does not become ready.
            ConfigurationError: There is no client configuration, or nothing says what to lease.
            LinkError: Controller, router or exporter cannot be reached, or refuse this client.

        Example:
        | Acquire Lease    board=rpi4    duration=10 min    max_duration=3 h
        | ${lease} =    Acquire Lease    exporter=bench-7    timeout=5 min    scope=suite
        | Log    ${lease.exporter} until ${lease.end}
        """
        default = self.devices.default
        if selector is None and exporter is None and default.request is not None:
            selector, exporter = default.request.selector, default.request.exporter
        request = self._request(
            selector,
            exporter,
            duration,
            max_duration,
            tags,
            context,
            begin=begin,
            allow_disabled=allow_disabled,
            name=name,
        )
        return self._acquire(request, alias, timeout, scope, progress, timing)

    @keyword(tags=("Lease",))
    def release_lease(self, *, device: str | None = None) -> None:
        """Lets go of a device: closes it and releases its lease.

        Where several suites share a lease, it is released when the last of them has let go, or the run ends. A device
        that is gone already is fine, so that a teardown never fails for it; a lease of another owner, and the exporter
        of a shell, are only disconnected. A hook of the exporter after the lease may go on for 5 seconds, and its
        lines are logged.

        Args:
            device: Alias. Default: the current device.

        Raises:
            NoSuchDevice: There never was a device of that alias.

        Example:
        | Release Lease
        """
        self.devices.release(device)

    @keyword(tags=("Lease",))
    def transfer_lease(self, client: str, *, device: str | None = None) -> None:
        """Gives the lease of a device to another client of the namespace; the device is disconnected.

        Args:
            client: Name of the other client.
            device: Alias. Default: the current device.

        Raises:
            LeaseError: The lease is not ours or over, or there is no such client.
            LinkError: The controller cannot be reached.

        Example:
        | Transfer Lease    night-shift
        """
        alias = self.devices.alias(device)
        self.leased(alias).lease.transfer(client)
        self.devices.disconnect(alias)

    @keyword(tags=("Lease", "Getter"))
    def get_lease(self, *, name: str | None = None, device: str | None = None) -> LeaseInfo:
        """Returns the lease of a device, or any lease by its name, as the controller tells of it now.

        In shell mode without a client configuration only what the shell has told is there.

        Args:
            name: The name of a lease, of this client or another. Default: that of the device.
            device: Alias. Default: the current device.

        Returns:
            An object with ``name``, ``device``, ``exporter``, ``labels``, ``client``, ``status``, ``selector``,
            ``begin``, ``end``, ``time_left``, ``tags`` and ``context``.

        Raises:
            LeaseError: There is no such lease, or the device was not leased.
            LinkError: The controller cannot be reached.

        Example:
        | ${lease} =    Get Lease
        | Should Be Equal    ${lease.labels}[board]    rpi4
        """
        if name is not None:
            return read(self._controller().lease(name), "", {})
        return self.info(self.devices.alias(device))

    # Inside

    def _request(
        self,
        selector: str | None,
        exporter: str | None,
        duration: datetime.timedelta,
        max_duration: datetime.timedelta | None,
        tags: Tags = None,
        context: Tags = None,
        **others: Any,
    ) -> LeaseRequest:
        """Return the request for a lease, with the tags and the context of the run."""
        check_lease_time(duration, max_duration)
        request = LeaseRequest(
            selector=selector,
            exporter=exporter,
            duration=duration,
            max_duration=max_duration,
            tags=read_tags(tags or {}),
            context=context,
            **others,
        )
        return add_ci_metadata(request, self.devices.environ)

    def _acquire(
        self,
        request: LeaseRequest,
        alias: str | None,
        timeout: Seconds,
        scope: Scope | None,
        progress: datetime.timedelta = PROGRESS,
        timing: TimingSource = None,
    ) -> LeaseInfo:
        """Lease a device and return its lease; ``timeout`` may be a deadline that is running already."""
        default = self.devices.default
        wanted = DeviceRequest(
            lease_mode(default.mode, request, self.devices.environ),
            tls=default.tls,
            ca=default.ca,
            passphrase=default.passphrase,
            request=request if request.selector or request.exporter else None,
            lease_timeout=timeout,
            progress=progress,
            timing=self.devices.timing(timing),
            scope=scope or default.scope,
        )
        return self.info(self.devices.acquire(wanted, alias))

    def _controller(self) -> Controller:
        return self.leases.service(self.devices.default.mode).controller
