"""A lab, and the parts of the library that lease from it, as Robot Framework would use them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.events import Event, Events, Notice
from JumpstarterLibrary.client.leasing import exit_cleanup
from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.settings import ClientArguments
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.keywords.devices import Devices
from JumpstarterLibrary.keywords.exporters import ExporterKeywords
from JumpstarterLibrary.keywords.lease_sets import LeaseSetKeywords
from JumpstarterLibrary.keywords.lease_time import LeaseTimeKeywords
from JumpstarterLibrary.keywords.leasing import Leases, SharedLab
from JumpstarterLibrary.lab import Clock, LabExporter, LocalExporter, VirtualLab

TIMEOUT = datetime.timedelta(seconds=5)
SCALE = 20.0


def board() -> Driver:
    return Composite(children={"power": MockPower()})


class _Started:
    """A lab that runs already."""

    def __init__(self, lab: VirtualLab) -> None:
        self._lab = lab

    def __enter__(self) -> VirtualLab:
        return self._lab

    def __exit__(self, *_: object) -> None:
        pass


class Run:
    """One run of the library: its devices and its keywords about leases.

    Attributes:
        lab: The lab.
        devices: The registry of devices.
        leases: Where they come from.
        lease: The keywords that acquire and release.
        time: Those about lease time.
        exporters: Those about exporters.
        notices: The texts of what devices told.
        tick: Called several times a second while something is awaited.
    """

    def __init__(self, lab: VirtualLab, default: DeviceRequest, environ: dict[str, str]) -> None:
        self.lab = lab
        self.notices: list[str] = []
        self.tick: Callable[[], object] = lambda: None
        self.leases = Leases(ClientArguments(), environ, SharedLab(lambda: _Started(lab)), lambda: self.tick())
        self.devices = Devices(
            default, environ, lambda: LocalExporter(MockPower()), lambda *_: None, self.leases, self._events
        )
        self.lease = LeaseSetKeywords(self.devices, TIMEOUT, self.leases)
        self.time = LeaseTimeKeywords(self.devices, TIMEOUT, self.leases)
        self.exporters = ExporterKeywords(self.devices, TIMEOUT, self.leases)

    def _events(self, _alias: str) -> Events:
        events = Events()
        events.subscribe(self._note)
        return events

    def _note(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.notices.append(event.phrased())

    def decided(self) -> bool:
        """Whether the controller has said something of each lease: that it has an exporter, or why not."""
        return all(lease.conditions for lease in self.lab.leases())

    def active(self) -> list[str]:
        """Return the names of the leases that have not ended."""
        return [lease.name for lease in self.lab.leases() if not lease.ended]


@pytest.fixture
def runs(tmp_path: Path, nothing_left: None) -> Iterator[Callable[..., Run]]:
    """Start a lab of so many exporters, and a run; both end with the test, and leave nothing open."""
    with ExitStack() as stack:

        def start(
            number: int = 2,
            *,
            default: DeviceRequest | None = None,
            environ: dict[str, str] | None = None,
            **options: Any,
        ) -> Run:
            exporters = [
                LabExporter(name=f"b{one}", labels={"board": "b", "number": str(one)}, driver=board)
                for one in range(1, number + 1)
            ]
            options.setdefault("clock", Clock(scale=SCALE))
            lab = stack.enter_context(VirtualLab(exporters, clients={"tester": {}, "other": {}}, **options))

            def no_leaks() -> None:
                leaks = lab.leaks()
                assert leaks == []
                assert exit_cleanup.registered() == []

            stack.callback(no_leaks)
            run = Run(lab, default or DeviceRequest(), {**lab.environment(tmp_path), **(environ or {})})
            stack.callback(run.devices.close_all)
            return run

        yield start


@pytest.fixture
def run(runs: Callable[..., Run]) -> Run:
    """A run on two exporters ``b1`` and ``b2``."""
    return runs()


@pytest.fixture
def held(run: Run) -> Iterator[Callable[..., None]]:
    """Lease an exporter as another client, until the end of the test."""
    with ExitStack() as stack:

        def hold(exporter: str, duration: datetime.timedelta = datetime.timedelta(hours=1)) -> None:
            config = run.lab.client_config("other")
            settings = replace(run.leases.settings(), name="other", token=config["token"])
            controller = Controller(settings)
            stack.callback(controller.close)
            controller.create_lease(LeaseRequest(exporter=exporter, duration=duration), f"held-{exporter}", 5)
            stack.callback(run.lab.controller.release, f"held-{exporter}")
            while not controller.lease(f"held-{exporter}").exporter:
                pass

        yield hold
