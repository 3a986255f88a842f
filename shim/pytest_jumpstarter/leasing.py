"""Lease mode: boards from the controller of the client configuration or from a virtual lab, and their release."""

from __future__ import annotations

import logging
import signal
from collections.abc import Hashable, Mapping
from dataclasses import replace
from types import FrameType
from typing import NoReturn

import pytest

from JumpstarterLibrary.client.devices.leases import add_ci_metadata, connect_leased
from JumpstarterLibrary.client.devices.mode import ConnectionMode
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.leasing.termination import Termination
from JumpstarterLibrary.client.settings import ClientSettings, find_settings
from pytest_jumpstarter.parallel.worker_leases import WorkerLeaseRegistry
from pytest_jumpstarter.parallel.workers import worker_of
from pytest_jumpstarter.upstream_api.clients.factory import Allow
from pytest_jumpstarter.virtual import RunLab

logger = logging.getLogger("pytest_jumpstarter")


class ControllerSource:
    """One controller, as one client.

    Args:
        settings: Which controller, and which client.
        notes: Where its leases are written down.

    Attributes:
        settings: As given.
        service: Leases its boards.
        boards: How many of them are held.
    """

    def __init__(self, settings: ClientSettings, notes: WorkerLeaseRegistry) -> None:
        self.settings = settings
        self._notes = notes
        self.service = LeaseService(lambda: settings)
        self.boards = 0

    @property
    def key(self) -> Hashable:
        """The key that tells the source from others."""
        return self.settings.endpoint, self.settings.namespace, self.settings.name, self.settings.token

    @property
    def allow(self) -> Allow:
        """The client classes that may be imported because an exporter names them."""
        return Allow(tuple(self.settings.drivers_allow), self.settings.drivers_unsafe)

    def add(self, device: LeasedDevice) -> None:
        """Count a board, and write its lease down if it is ours."""
        self.boards += 1
        if device.lease.ours:
            self._notes.add(device.lease.name, self.settings)

    def release(self, device: LeasedDevice) -> None:
        """Close a board, and release its lease if it is ours."""
        self.boards -= 1
        if self.service.release(device):
            self._notes.remove(device.lease.name)


class Leasing:
    """Leases boards for a run.

    Args:
        config: The run.
        lab: Its virtual lab.
        follow_logs: Whether the exporters' logs are wanted.
    """

    def __init__(self, config: pytest.Config, lab: RunLab, *, follow_logs: bool) -> None:
        self._worker = worker_of(config)
        self._notes = WorkerLeaseRegistry.of(config)
        self._lab = lab
        self._follow_logs = follow_logs
        self._sources: list[ControllerSource] = []
        # Alone, SIGTERM would end the run at once; so it ends in order, as after Ctrl-C.
        self._termination = Termination(_stop)

    def source(self, mode: ConnectionMode) -> ControllerSource:
        """Return where boards come from now: tests may change the environment.

        Raises:
            ConfigurationError: There is no client configuration.
        """
        settings = self._lab.settings() if mode.lab else find_settings()
        for source in list(self._sources):
            if source.settings == settings:
                return source
            if source.boards <= 0:
                # No test will use it again soon, and its controller may be gone.
                self._sources.remove(source)
                source.service.close()
        # A virtual lab dies with its worker, and its leases with it.
        self._sources.append(ControllerSource(settings, WorkerLeaseRegistry(None, "") if mode.lab else self._notes))
        return self._sources[-1]

    def connect(
        self,
        wanted: DeviceRequest,
        mode: ConnectionMode,
        source: ControllerSource,
        events: Events,
        held: Mapping[str, str],
    ) -> LeasedDevice:
        """Lease a board, or connect to the one of the lease that was found.

        Args:
            wanted: What is wanted.
            mode: How it was decided to connect.
            source: The controller's leases.
            events: The events of the board.
            held: The leases that tests use now, by name, with these tests in words.

        Raises:
            InfrastructureError: The board cannot be leased or reached.
        """
        self._termination.guard()
        if mode.lease is None:
            wanted = replace(wanted, request=self._request(wanted, mode, source))
        device = connect_leased(source.service, wanted, mode.lease, events, follow_logs=self._follow_logs, held=held)
        source.add(device)
        return device

    def secrets(self) -> list[str]:
        """Return what no report may show."""
        return [secret for one in self._sources for secret in (*one.settings.tokens, *one.service.secrets)]

    def restore_signals(self) -> None:
        """Let signals do what they do elsewhere: no lease is held at present."""
        self._termination.restore()

    def close(self) -> None:
        """Let go of controllers. Closing twice is fine."""
        while self._sources:
            self._sources.pop().service.close()
        self._termination.restore()

    def _request(self, wanted: DeviceRequest, mode: ConnectionMode, source: ControllerSource) -> LeaseRequest:
        request = add_ci_metadata(wanted.request or LeaseRequest())
        if request.name and self._worker:
            # Each worker has a board of its own, and so a lease of its own.
            request = replace(request, name=f"{request.name}-{self._worker}")
        if not mode.lab:
            return request
        fitted = self._lab.fitted(request, source.service)
        if fitted != request:
            logger.info("A board of the virtual lab stands in for %s.", request)
        return fitted


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    pytest.exit(f"stopped by {signal.Signals(number).name}", returncode=128 + number)
