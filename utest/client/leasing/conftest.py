"""A whole lab over real sockets for each test, and a client of its controller that has to leave nothing open."""

from __future__ import annotations

import asyncio
import datetime
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.events import Event, Events, Notice
from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.session import LEASE_READY
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab
from JumpstarterLibrary.lab.journal import Call
from JumpstarterLibrary.lab.model import AVAILABLE

SCALE = 20.0
"""How much faster than real time a lab runs, unless a test says otherwise."""

NEVER_S = 1e6
"""Lab seconds by which a call is delayed that is not answered before the test lets it go on."""


class Probe(Driver):
    """Counts its calls, waits as long as it is told to, and fails as hardware does."""

    calls = 0
    """Of all instances: each lease has another one."""

    @classmethod
    def client(cls) -> str:
        return "test.Probe"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.started = threading.Event()

    @export
    async def count(self) -> int:
        type(self).calls += 1
        return type(self).calls

    @export
    async def wait(self) -> None:
        type(self).calls += 1
        self.started.set()
        await asyncio.Event().wait()

    @export
    async def unplugged(self) -> None:
        raise ConnectionError("the cable is not plugged in")


def board() -> Driver:
    return Composite(children={"probe": Probe(), "console": PySerial(url="loop://")})


def boards(number: int = 1, **features: Any) -> list[LabExporter]:
    """Return exporters ``b1`` and so on, with the labels ``board=b`` and ``number=1``."""
    return [
        LabExporter(name=f"b{one}", labels={"board": "b", "number": str(one)}, driver=board, **features)
        for one in range(1, number + 1)
    ]


class Rig:
    """A lab, and the service of its client ``tester``.

    Attributes:
        lab: The lab.
        settings: The client's.
        service: The client's.
        events: What its leases tell.
        notices: The texts of what they told.
    """

    def __init__(self, lab: VirtualLab, stack: ExitStack) -> None:
        self.lab = lab
        self.settings = self.settings_of("tester")
        self.notices: list[str] = []
        self.events = Events()
        self.events.subscribe(self._note)
        self._stack = stack
        self.service = self.service_of(self.settings)

    def settings_of(self, client: str, **changes: Any) -> ClientSettings:
        settings = ClientSettings(
            namespace="default",
            name=client,
            endpoint=self.lab.endpoint,
            token=self.lab.client_config(client)["token"],
            ca=self.lab.ca,
            source="the test",
        )
        return replace(settings, **changes)

    def service_of(self, settings: ClientSettings) -> LeaseService:
        """Return a service that is closed at the end of the test."""
        service = LeaseService(lambda: settings)
        self._stack.callback(service.close)
        return service

    def controller_of(self, settings: ClientSettings) -> Controller:
        """Return a controller that is closed at the end of the test."""
        controller = Controller(settings)
        self._stack.callback(controller.close)
        return controller

    def lease(self, selector: str | None = "board=b", timeout: float = 10, **request: Any) -> LeasedDevice:
        """Lease a device with the service; released at the end of the test if it has not been before."""
        wanted = LeaseRequest(selector=selector, **request)
        device = self.service.lease(wanted, timeout, events=self.events)
        self._stack.callback(self.service.release, device, 0.5)
        return device

    def only_lease(self, name: str = "", client: str = "tester", selector: str = "board=b", **request: Any) -> Lease:
        """Return a ready lease without a connection; its holder lets go at the end of the test."""
        controller = self.controller_of(self.settings_of(client))
        lease = Lease(controller, name or f"lease-of-{client}", self.events, ours=True)
        wanted = LeaseRequest(selector=selector, **request)
        controller.create_lease(wanted, lease.name, 5)
        self._stack.callback(lease.release)
        deadline = Deadline(5)
        while not lease.exporter:
            assert not deadline.expired
            lease.state(5)
        return lease

    @property
    def probe(self) -> Probe:
        """The driver of the present lease of exporter ``b1``."""
        return self.probe_of("b1")

    def probe_of(self, exporter: str) -> Probe:
        driver: Any = self.lab.exporters[exporter].driver
        found: Probe = driver.children["probe"]
        return found

    def codes(self, method: str, caller: str = "tester") -> list[str]:
        """Return how all calls of a method have ended."""
        end = time.monotonic() + 5
        while True:
            codes = [entry.code for entry in self.calls(method, caller)]
            names = [code.name for code in codes if code is not None]
            if len(names) == len(codes):
                return names
            assert time.monotonic() < end, f"a call of {method} has not ended"
            threading.Event().wait(0.002)

    def calls(self, method: str, caller: str = "tester") -> list[Call]:
        """Return all calls of a method, those that have not ended included."""
        return self.lab.journal.entries(method=method, caller=caller)

    def fault(self, method: str, **options: Any) -> Any:
        """Let something happen to calls of the client."""
        return self.lab.controller.faults.add(method, **{"caller": "tester", **options})

    def hold(self, method: str, **options: Any) -> Any:
        """Let calls of the client wait until the fault that is returned is cleared."""
        return self.fault(method, delay=NEVER_S, **options)

    def exchanged(self) -> int:
        """Return the bytes that have come from each side of the only tunnel at least."""
        (tunnel,) = self.lab.router.tunnels()
        return min(tunnel.first_bytes, tunnel.second_bytes)

    def session_ready(self, exporter: str = "b1") -> bool:
        """Whether the session of an exporter tells that it takes driver calls."""
        session = self.lab.exporters[exporter].session
        return session is not None and session.status().status == LEASE_READY

    def decided(self) -> bool:
        """Whether the controller has said something of each lease: that it has an exporter, or why not."""
        return all(lease.conditions for lease in self.lab.leases())

    def settled(self, exporter: str = "b1") -> bool:
        """Whether an exporter has taken note of its lease, if there is any."""
        return not self.active() or self.lab.controller.exporter(exporter).status != AVAILABLE

    def active(self) -> list[str]:
        """Return the names of the leases that have not ended."""
        return [lease.name for lease in self.lab.leases() if not lease.ended]

    def _note(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.notices.append(event.phrased())


@pytest.fixture
def rigs() -> Iterator[Callable[..., Rig]]:
    """Start a lab with options of ``VirtualLab``; one exporter ``b1`` unless told otherwise.

    When the test has ended, nothing that belongs to leases may be open in the lab.
    """
    Probe.calls = 0
    with ExitStack() as stack:

        def start(number: int = 1, *, exporters: list[LabExporter] | None = None, **options: Any) -> Rig:
            options.setdefault("clock", Clock(scale=SCALE))
            options.setdefault("clients", {"tester": {}, "other": {}})
            lab = stack.enter_context(VirtualLab(boards(number) if exporters is None else exporters, **options))

            def no_leaks() -> None:
                leaks = lab.leaks()
                assert leaks == []

            stack.callback(no_leaks)
            return Rig(lab, stack)

        yield start


@pytest.fixture
def rig(rigs: Callable[..., Rig]) -> Rig:
    """A lab with one exporter."""
    return rigs()


@pytest.fixture
def pass_until(
    clock: MovableClock, eventually: Callable[[Callable[[], object]], None]
) -> Callable[[Callable[[], object]], None]:
    """Let the client's time pass, ten times as fast as it does by itself, until a condition holds."""

    def wait(condition: Callable[[], object], step_s: float = 0.05) -> None:
        eventually(lambda: clock.advance(step_s) or condition())

    return wait


@pytest.fixture
def boards_of() -> Callable[..., list[LabExporter]]:
    return boards


class Refused(grpc.RpcError):
    """A gRPC error with a code and details of our choice."""

    def __init__(self, code: str, details: str) -> None:
        self._code, self._details = grpc.StatusCode[code], details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


@pytest.fixture
def refused() -> type[Refused]:
    return Refused


@pytest.fixture
def seconds() -> Callable[[float], datetime.timedelta]:
    return lambda value: datetime.timedelta(seconds=value)
