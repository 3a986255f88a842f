"""Shared fixtures: served exporters, connected devices, and a check that nothing is left behind."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc._channel
import grpc.aio
import pytest

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.clock import MovableClock, using
from JumpstarterLibrary.exporter import Driver, HostedExporter, serve
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
from JumpstarterLibrary.exporter.drivers.files import Opendal
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher, MockStorageMux
from JumpstarterLibrary.lab import tunnel, virtual_lab
from scripts.surroundings import clean_environment, let_ctrl_c_interrupt, pass_hangups_on

LIMIT_S = 30.0
"""How long anything in a test may take before the test gives up."""

LONG_NAME = 16
"""Bytes that the name of a test shows."""

_SHARED_THREADS = ("_poll_wrapper", "Dummy-")
"""gRPC's own: one for the process, whatever runs in it; and those of its core, which Python only meets."""


@pytest.fixture(scope="package", autouse=True)
def _surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no test depend on the user's home, on variables that set the product up, or on what lies in the checkout.

    What a test writes is compiled each time, in this process and in its children: two files of one size within a second
    look the same to Python's cache. What was compiled before the tests, such as all of the library, is used.
    """
    pass_hangups_on()
    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        patch.setattr(sys, "dont_write_bytecode", True)
        os.environ.clear()
        os.environ.update(clean_environment(before, tmp_path_factory.mktemp("home")), PYTHONDONTWRITEBYTECODE="1")
        yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session", autouse=True)
def _process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prepare this process for all tests. It is one fixture, since pytest looks each of them up for every test."""
    tmp_path_factory.getbasetemp()
    with _grpc_aio(), _forgetful_grpc(), _own_temporary_folder(), _watched_channels():
        let_ctrl_c_interrupt()
        yield


@contextmanager
def _grpc_aio() -> Iterator[None]:
    """Keep what gRPC shares between all event loops, a thread and two sockets, so that no test seems to leave it."""
    grpc.aio.init_grpc_aio()
    yield
    grpc.aio.shutdown_grpc_aio()


@contextmanager
def _forgetful_grpc() -> Iterator[None]:
    """Do not count tunnels as leaks where gRPC is old: it does not always tell a router that a stream was cancelled."""
    with pytest.MonkeyPatch.context() as patch:
        if tuple(map(int, grpc.__version__.split(".")[:2])) < (1, 70):
            certain = [name for name in virtual_lab.LEAKABLE if name not in (tunnel.TUNNELS, tunnel.HALF_OPEN)]
            patch.setattr(virtual_lab, "LEAKABLE", certain)
        yield


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until a condition holds, or fail after 30 seconds."""

    def wait(condition: Callable[[], object], limit_s: float = LIMIT_S) -> None:
        end = time.monotonic() + limit_s
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            pause.wait(0.005)

    return wait


class Operation:
    """A function that runs in a thread of its own. Call it to wait for its end: it returns its result, or raises."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._result: Any = None
        self._error: Exception | None = None
        self.thread = threading.Thread(target=self._run, name="during", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._result = self._function()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return not self.thread.is_alive()

    def __call__(self, limit_s: float = LIMIT_S) -> Any:
        self.thread.join(limit_s)
        assert self.over, "it did not end in time"
        if self._error is not None:
            raise self._error
        return self._result


@pytest.fixture
def during() -> Iterator[Callable[[Callable[[], object]], Operation]]:
    """Call a function in a thread; return what waits for it."""
    operations: list[Operation] = []

    def begin(function: Callable[[], object]) -> Operation:
        operations.append(Operation(function))
        return operations[-1]

    yield begin
    for operation in operations:
        operation.thread.join(LIMIT_S)


@pytest.fixture
def clock() -> Iterator[MovableClock]:
    """The client's clock, in force until the test ends: it runs as usual, and the test can move it."""
    moved = MovableClock()
    with using(moved):
        yield moved


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder with a path in which a socket fits, as that of a test may not."""
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def frozen_clock() -> Iterator[MovableClock]:
    """The client's clock, in force until the test ends: only the test moves it."""
    moved = MovableClock(running=False)
    with using(moved):
        yield moved


@pytest.fixture
def without_zstd(monkeypatch: pytest.MonkeyPatch) -> None:
    """No module for zstd can be imported."""
    for module in ("compression.zstd", "backports.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)


@pytest.fixture
def serving() -> Iterator[Callable[..., HostedExporter]]:
    """Serve a driver until the test ends, without grace for what still runs then."""
    with ExitStack() as stack:

        def start(driver: Driver, **options: Any) -> HostedExporter:
            return stack.enter_context(serve(driver, **{"grace": 0, **options}))

        yield start


@pytest.fixture
def connecting() -> Iterator[Callable[..., Device]]:
    """Connect to an exporter's address until the test ends; nothing comes from the environment."""
    with ExitStack() as stack:

        def connect(host: str, timeout: float = LIMIT_S, **arguments: Any) -> Device:
            connection = DirectConnection.from_arguments(host, **{"environ": {}, **arguments})
            return stack.enter_context(Device.connect(connection, timeout))

        yield connect


@pytest.fixture
def device_with(serving: Callable[..., HostedExporter], connecting: Callable[..., Device]) -> Callable[..., Device]:
    """Serve some drivers under a composite, and return a device that is connected to them."""

    def build(drivers: dict[str, Driver], **options: Any) -> Device:
        return connecting(serving(Composite(children=drivers), **options).host)

    return build


@pytest.fixture
def bench(device_with: Callable[..., Device], tmp_path: Path) -> Device:
    """A device with one driver of each kind, and proxies to two of them."""
    board = Composite(children={"power": MockPower(), "console": PySerial(url="loop://")})
    return device_with(
        {
            "board": board,
            "storage": MockStorageMux(),
            "flasher": MockFlasher(),
            "files": Opendal(scheme="fs", kwargs={"root": str(tmp_path / "files")}),
            "echo": EchoNetwork(),
            "alias": Proxy(ref="board"),
            "switch": Proxy(ref="board.power"),
        }
    )


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, channel, socket, process or file behind.

    What fixtures of a wider scope have opened before belongs to them. The marker ``leaves`` names kinds of things that
    a test cannot help to leave, and the reason.
    """
    allowed = tuple(kind for marker in request.node.iter_markers("leaves") for kind in marker.args)
    before = open_things()
    yield
    end = time.monotonic() + LIMIT_S
    while (
        found := sorted(thing for thing in open_things() - before if not thing.startswith(allowed))
    ) and time.monotonic() < end:
        threading.Event().wait(0.005)
    assert not found, f"{request.node.nodeid} left behind: {', '.join(found)}"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long bytes by their argument: compressed or random data differs, and names are the same in each process."""
    return argname if isinstance(val, bytes) and len(val) > LONG_NAME else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Replace lone surrogates in captured output: a worker of pytest-xdist cannot send them."""
    report = yield
    report.sections = [(title, text.encode(errors="replace").decode()) for title, text in report.sections]
    return report


@contextmanager
def _own_temporary_folder() -> Iterator[None]:
    """Give this process a folder for temporary files of its own, so that what a test leaves there is seen."""
    with tempfile.TemporaryDirectory(prefix="jmp-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


_channels: weakref.WeakSet[Any] = weakref.WeakSet()
"""gRPC's channels that were opened and not closed."""


@contextmanager
def _watched_channels() -> Iterator[None]:
    """Notice each synchronous channel of gRPC, from its making to its closing."""
    kind = grpc._channel.Channel
    make, close = kind.__init__, kind._close

    def made(channel: Any, *arguments: Any, **options: Any) -> None:
        make(channel, *arguments, **options)
        _channels.add(channel)

    def closed(channel: Any) -> None:
        _channels.discard(channel)
        close(channel)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "__init__", made)
        patch.setattr(kind, "_close", closed)
        yield


def open_things() -> set[str]:
    """Return what this process has open: threads, channels, sockets, child processes, and files in its working folder
    and in its folder for temporary files."""
    threads = {f"thread {thread.name} ({thread.ident})" for thread in threading.enumerate()}
    shared = {text for text in threads if any(name in text for name in _SHARED_THREADS)}
    return (
        (threads - shared)
        | {f"channel {id(channel):#x}" for channel in list(_channels)}
        | {f"descriptor {text}" for text in open_sockets()}
        | {f"process {pid}" for pid in child_processes()}
        | {f"file {path}" for folder in {os.getcwd(), tempfile.gettempdir()} for path in files_in(folder)}  # noqa: PTH109
    )


def open_sockets() -> set[str]:
    """Return this process's sockets."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208 # quick: it runs twice for each test
        try:
            status = os.fstat(int(entry))
        except OSError:
            continue
        if stat.S_ISSOCK(status.st_mode):
            found.add(f"{entry} socket:[{status.st_ino}]")
    return found


def child_processes() -> set[str]:
    """Return the process ids of this process's children; also of those that ended and were not waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return set()  # as before most tests; no need to look at each process of the machine
    found, own = set(), str(os.getpid())
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if parent == own:
                found.add(entry.name)
    return found


def files_in(folder: str) -> set[str]:
    """Return what lies in a folder, hidden caches of tools and results of other runs aside."""
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except FileNotFoundError:
        return set()
    return {f"{folder}/{name}" for name in names if not name.startswith(".") and name != "results"}
