"""A test run with boards: made when the first test needs one, gone when the run ends."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.devices.artefacts import DeviceArtefacts
from JumpstarterLibrary.client.devices.mode import ConnectionMode
from JumpstarterLibrary.client.devices.names import DeviceNames
from JumpstarterLibrary.client.devices.pool import DevicePool
from JumpstarterLibrary.client.devices.recorder import Recorder
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.events import Event, Events, LogRecord, Notice, TransferEnded
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.common.environment import PASSPHRASE
from JumpstarterLibrary.errors import JumpstarterError
from JumpstarterLibrary.types import Mode, Scope
from pytest_jumpstarter.board import ConnectedBoard
from pytest_jumpstarter.evidence.collector import EvidenceCollector
from pytest_jumpstarter.hints import pytest_hints
from pytest_jumpstarter.leasing import ControllerSource, Leasing
from pytest_jumpstarter.notices import NoticeReporter
from pytest_jumpstarter.options import Options
from pytest_jumpstarter.parallel.workers import worker_of
from pytest_jumpstarter.schedule import SharedDeviceSchedule
from pytest_jumpstarter.state import ITEM
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.factory import Allow, build_clients
from pytest_jumpstarter.virtual import RunLab

logger = logging.getLogger("pytest_jumpstarter")

DEVICE = "device"
"""The name of a device in its event log, and the beginning of its folder's: tests know devices by no alias."""

REPEATERS = ("rerunfailures", "flaky")
"""Plugins that run a failed test again."""


class Run:
    """The boards of a run, and what its tests leave.

    Args:
        config: The run.

    Attributes:
        options: Its settings.
        evidence: What its tests leave.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.options = Options(config)
        self.evidence = EvidenceCollector(self.options, self._secrets)
        self._config = config
        self._lab = RunLab(self.options.virtual_lab)
        self._leasing = Leasing(config, self._lab, follow_logs=self.options.log_lines > 0)
        self._pool: DevicePool[Hashable, ConnectedBoard] = DevicePool()
        self._names = DeviceNames()
        self._schedule = SharedDeviceSchedule(self.options)
        self._notices = NoticeReporter(config, self._secrets)
        self._level = logger.level
        if self._level == logging.NOTSET:
            # How a board was found is worth a line in the report of a test that failed on it.
            logger.setLevel(logging.INFO)

    @classmethod
    def of(cls, config: pytest.Config) -> Run:
        """Return the run of a configuration."""
        run = config.stash.get(RUN, None)
        if run is None:
            run = config.stash[RUN] = cls(config)
            config.add_cleanup(run.close)
        return run

    @contextmanager
    def client(self, wanted: DeviceRequest, request: pytest.FixtureRequest) -> Iterator[DriverClient]:
        """Have a board while the block runs, and yield the client of its root driver.

        Args:
            wanted: What is wanted.
            request: The fixture that wants it.

        Raises:
            ConfigurationError: Nothing says which board it is, or there is no client configuration.
            InfrastructureError: It cannot be leased or reached.
        """
        with pytest_hints():
            mode = wanted.resolve_mode(lab=self.options.virtual_lab is not None)
            source = None if mode.mode is Mode.shell else self._leasing.source(mode)
            asked = (wanted.target, mode, None if source is None else source.key)
            shared = wanted.scope is Scope.run
            key: Hashable = _Shared(asked) if shared else (request.node.nodeid, asked)
            if shared and not worker_of(self._config):
                self._schedule.look(request.session, key, wanted)
            owner = request.node.nodeid
            board = self._pool.share(key, owner, wanted.request)
            if board is not None:
                logger.info("Exporter %s is used on.", board.device.link.name)
            else:
                self._pool.discard(key)
                board = self._connect(wanted, mode, source, request)
                board.owners.append(owner)
                self._pool.add(key, board)
        try:
            how = mode.mode.value.capitalize()
            logger.info("%s mode for %s, because %s: %s.", how, wanted.subject, mode.why, _described(board))
            self.evidence.begin(board.recorder, request, board)
            try:
                yield board.client
            finally:
                self.evidence.end(board)
        finally:
            self._pool.release(key, board, owner, keep=self._wanted(key) or self._runs_again())

    def after(self) -> None:
        """A test is over, with all its repetitions: give back what no other test wants."""
        self._pool.discard_unowned(self._wanted)
        if not self._pool:
            self._leasing.restore_signals()

    def release_unused(self) -> None:
        """Release the boards that no test uses, since their controller is about to stop."""
        self._pool.discard_unowned()

    def close(self) -> None:
        """Give back everything. Closing twice is fine."""
        try:
            self._pool.discard_all()
        finally:
            with ExitStack() as stack:
                stack.callback(self._lab.close)
                stack.callback(self._leasing.close)
                logger.setLevel(self._level)

    def _wanted(self, key: Hashable) -> bool:
        """Whether a test that is still to come wants a board."""
        if not isinstance(key, _Shared):
            return False
        # A worker does not know which tests it will get.
        item = self._config.stash.get(ITEM, None)
        return bool(worker_of(self._config)) or (item is not None and self._schedule.later(key, item))

    def _runs_again(self) -> bool:
        """Whether the test that runs may be run again, before which its class is torn down."""
        return self.evidence.failed and any(map(self._config.pluginmanager.hasplugin, REPEATERS))

    def _connect(
        self,
        wanted: DeviceRequest,
        mode: ConnectionMode,
        source: ControllerSource | None,
        request: pytest.FixtureRequest,
    ) -> ConnectedBoard:
        recorder = Recorder()
        events = Events()
        events.subscribe(self._make_room, Notice)
        events.subscribe(self._notices.put, Notice)
        events.subscribe(recorder.put, LogRecord, TransferEnded)
        events.listen(recorder.hear)
        artefacts = self._artefacts(events)
        with ExitStack() as stack:
            stack.callback(events.close)
            try:
                if source is None:
                    device, allow = self._join(events, stack), Allow.from_environment()
                else:
                    leased = self._leasing.connect(wanted, mode, source, events, self._in_use())
                    stack.callback(source.release, leased)
                    device, allow = leased, source.allow
            except JumpstarterError:
                self.evidence.begin(recorder, request, None)
                raise
            if artefacts is not None:
                artefacts.attach(device)
            device.name_suffix = self._names.add(self, device.link.name)
            self._give_profile(device)
            client = build_clients(device, allow)
            return ConnectedBoard(device, stack.pop_all(), client, mode, recorder)

    def _in_use(self) -> dict[str, str]:
        """Return the leases that tests use now, by name, with the first of these tests in words."""
        return {
            board.device.lease.name: f"test '{board.owners[0]}'"
            for board in list(self._pool.items.values())
            if board.owners and isinstance(board.device, LeasedDevice) and board.device.lease.ours
        }

    def _give_profile(self, device: Device) -> None:
        """Let a board have its profile from the file of the run, and log which one and why."""
        path = self.options.profiles
        if path is None:
            return
        from JumpstarterLibrary.client.boot.profiles import apply_profile

        chosen = apply_profile(device, path)
        if chosen is not None:
            logger.info(
                "Exporter %s has the profile '%s' of '%s': it %s.", device.exporter, chosen.name, path, chosen.why
            )

    def _artefacts(self, events: Events) -> DeviceArtefacts | None:
        """Return the files about a device that is about to come; None where the run has no folder for them."""
        if self.options.evidence is None:
            return None
        worker = worker_of(self._config)
        folder = f"{worker}-{DEVICE}" if worker else DEVICE
        return DeviceArtefacts(self.options.evidence, DEVICE, events, folder=folder, secrets=self._secrets)

    def _make_room(self, event: Event) -> None:
        """Release the boards that no test uses when a wait begins: it may be for one of them."""
        # A warning that is shown at once, such as that of a full disk, is no wait.
        if isinstance(event, Notice) and event.console and event.level == "INFO":
            self._pool.discard_unowned()

    def _join(self, events: Events, stack: ExitStack) -> Device:
        device = Device.connect(DirectConnection.from_environment(), events=events, timing=self.options.timing)
        stack.callback(device.close)
        if self.options.log_lines > 0:
            device.follow_logs()
        return device

    def _secrets(self) -> list[str]:
        return [*self._leasing.secrets(), *filter(None, [os.environ.get(PASSPHRASE)])]


RUN: pytest.StashKey[Run] = pytest.StashKey()
"""The run, as soon as a test needs a board."""


@dataclass(frozen=True)
class _Shared:
    """The key of a board that is shared until the end of the run."""

    asked: Hashable


def _described(board: ConnectedBoard) -> str:
    device = board.device
    if isinstance(device, LeasedDevice):
        return f"exporter {device.lease.exporter} (lease {device.lease.name})"
    return f"exporter {device.link.name} (from {device.link.source})"
