"""Every test of the client core has to clean up; some meet exporters that nobody would ship."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.protocol import EXPORTER, ROUTER, common_pb2, jumpstarter_pb2, service_handler
from utest.client.serial_port import Port, all_at_rest, forget_all

WORKERS = 8
LIMIT_S = 10.0


@pytest.fixture(autouse=True)
def _clean(nothing_left: None) -> None:
    """Check it last, after all other fixtures have ended."""
    forget_all()


def _report(_request: object, _context: object) -> Any:
    root = jumpstarter_pb2.DriverInstanceReport(uuid="r")
    child = jumpstarter_pb2.DriverInstanceReport(uuid="x", parent_uuid="r", labels={"jumpstarter.dev/name": "x"})
    return jumpstarter_pb2.GetReportResponse(reports=[root, child])


def _status(_request: object, _context: object) -> Any:
    return jumpstarter_pb2.GetStatusResponse(status=common_pb2.EXPORTER_STATUS_LEASE_READY)


@pytest.fixture
def odd_exporter(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a bare server of the protocol with one driver ``x``, and return its socket's path.

    Its methods are given as functions of request and context, by their names in snake case; None for one that it does
    not have. The event ``over`` is set at the end, for methods that wait.
    """
    with ExitStack() as stack:

        def start(**methods: Any) -> str:
            servicer = SimpleNamespace(**{"get_report": _report, "get_status": _status, **methods})
            path = str(tmp_path / f"odd-{len(list(tmp_path.iterdir()))}")
            pool = stack.enter_context(ThreadPoolExecutor(WORKERS, thread_name_prefix="odd"))
            server = grpc.server(pool)
            server.add_generic_rpc_handlers((service_handler(EXPORTER, servicer), service_handler(ROUTER, servicer)))
            server.add_insecure_port(f"unix:{path}")
            server.start()
            stack.callback(lambda: server.stop(0).wait())
            return path

        yield start


class Alarm:
    """Raises in the main thread, out of a signal handler, as timeouts of test frameworks do.

    Attributes:
        Interruption: What it raises.
        count: How often it has rung.
    """

    class Interruption(BaseException):
        pass

    def __init__(self) -> None:
        self.count = 0
        self._over = False
        self._lock = threading.Lock()

    def __call__(self, delay_s: float) -> None:
        """Ring in some seconds, unless the test is over by then."""
        with self._lock:
            if not self._over:
                signal.setitimer(signal.ITIMER_REAL, delay_s)

    def when(self, condition: Callable[[], object]) -> None:
        """Ring as soon as a condition holds."""

        def wait() -> None:
            end = time.monotonic() + LIMIT_S
            while not self._over and time.monotonic() < end:
                if condition():
                    self(0.001)
                    return
                threading.Event().wait(0.002)

        threading.Thread(target=wait, daemon=True).start()

    def ring(self) -> None:
        """Ring now; called in the main thread."""
        signal.raise_signal(signal.SIGALRM)

    def after(self, event: threading.Event) -> None:
        """Ring when an event has been set; a little later, since it is set in the middle of something."""
        threading.Thread(target=lambda: event.wait(10) and self(0.1), daemon=True).start()

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        raise self.Interruption

    def off(self) -> None:
        """Never ring any more."""
        with self._lock:
            self._over = True
            signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    """What interrupts the main thread; silent again at the end of the test."""
    found = Alarm()
    before = signal.signal(signal.SIGALRM, found.handle)
    yield found
    found.off()
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """An event that is set when the test has ended."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def port() -> Port:
    """A serial port whose other end is in the test's hands; it says nothing by itself."""
    return Port()


@pytest.fixture
def device(port: Port, device_with: Callable[..., Device]) -> Device:
    """A device with that port and a power driver."""
    return device_with({"console": port, "power": MockPower()})


@pytest.fixture
def console(device: Device, port: Port) -> Console:
    """The console on that port."""
    console = device.console()
    port.watch(console)
    return console


@pytest.fixture
def skipping(frozen_clock: MovableClock) -> Iterator[MovableClock]:
    """Let the test's waits take no time: the client's time moves only while nothing is on its way on a serial line.

    A wait that has to expire does so at once, and none expires because the machine is busy.
    """
    with frozen_clock.skipping(all_at_rest):
        yield frozen_clock


@pytest.fixture
def unskipped(skipping: MovableClock) -> Iterator[MovableClock]:
    """Let the test's waits wait after all: they end by what they wait for, or when the test moves time."""
    with skipping.skipping(lambda: False):
        yield skipping
