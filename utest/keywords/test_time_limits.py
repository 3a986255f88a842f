"""Each keyword with ``timeout=`` ends with its time, also where the exporter stands still or its tunnel has broken."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from JumpstarterLibrary.errors import DeviceFailure, FaultClass, JumpstarterError
from JumpstarterLibrary.exporter import HostedExporter, serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.drivers.storage import MockStorageMux
from JumpstarterLibrary.library import JumpstarterLibrary

TIMEOUT_S = 0.2
GRACE_S = 2.0
"""What a keyword may take beside its timeout."""

BUSY_S = 6.0
"""What a busy machine may add; the limits that would end these keywords otherwise are 30 seconds and more."""

ARGUMENTS: dict[str, tuple[object, ...]] = {
    "Boot From U-Boot": ("boot",),
    "call_driver": ("power", "on"),
    "console_should_contain": ("NEVER",),
    "ensure_device_state": ("shell",),
    "get_console_text": ("contains", "NEVER"),
    "get_power_readings": (),
    "Get U-Boot Variable": ("ipaddr",),
    "interrupt_boot": (),
    "log_in_to_console": (),
    "power_cycle": (),
    "power_off": (),
    "power_on": (),
    "read_image": ("@FOLDER@/read.img",),
    "run_command": ("true",),
    "Run U-Boot Command": ("version",),
    "Set U-Boot Variable": ("ipaddr", "10.0.0.1"),
    "stream_from_driver": ("power", "read"),
    "U-Boot DHCP": (),
    "wait_for_console_all_of": ("NEVER", "EVER"),
    "wait_for_console_any_of": ("NEVER", "EVER"),
    "wait_for_exporter_status": ("OFFLINE",),
    "write_image": ("@FOLDER@/write.img",),
    "write_to_console": ("text",),
}
"""The arguments of each keyword that works on a device and takes ``timeout``."""

OTHERS = {
    "acquire_devices": "it waits for an exporter, see utest/client/leasing",
    "acquire_lease": "likewise",
    "connect_to_exporter": "it has no device yet, see utest/client/test_device.py",
    "define_device_state": "it is the limit of a way that is taken later",
}

LOOKED_FOR = "The exporter 'virtual-1' of lease '{lease}' was not found again within 200 milliseconds; its tunnel had "

NAMED: dict[str, dict[str, object]] = {"power_cycle": {"off_time": 0}, "write_image": {"verify": "none"}}


def test_each_keyword_with_a_timeout_is_in_the_table() -> None:
    keywords = JumpstarterLibrary().keywords
    timed = {name for name, method in keywords.items() if "timeout" in inspect.signature(method).parameters}
    assert timed == {*ARGUMENTS, *OTHERS}


@contextmanager
def standing_still(exporter: HostedExporter) -> Iterator[None]:
    """Let an exporter answer nothing, as one whose process is stopped."""
    going, still = threading.Event(), threading.Event()

    def stand() -> None:
        still.set()
        going.wait()

    thread = threading.Thread(target=exporter.call, args=(stand,), daemon=True)
    thread.start()
    assert still.wait(10)
    try:
        yield
    finally:
        going.set()
        thread.join(10)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[tuple[JumpstarterLibrary, HostedExporter]]:
    """The library, connected to an exporter with one driver of each kind."""
    (tmp_path / "write.img").write_bytes(bytes(1000))
    drivers = {
        "power": MockPower(),
        "serial": PySerial(url="loop://"),
        "storage": MockStorageMux(),
    }
    with serve(Composite(children=drivers), grace=0) as exporter:
        library = JumpstarterLibrary(host=exporter.host)
        library.run_keyword("connect_to_exporter", (exporter.host,))
        try:
            yield library, exporter
        finally:
            library._close()


def took(library: JumpstarterLibrary, name: str, folder: Path) -> tuple[float, JumpstarterError | None]:
    """Run a keyword with a short timeout; return the seconds that it took, and its error."""
    arguments = tuple(str(value).replace("@FOLDER@", str(folder)) for value in ARGUMENTS[name])
    begin = time.monotonic()
    try:
        library.run_keyword(name, arguments, {**NAMED.get(name, {}), "timeout": TIMEOUT_S})
    except JumpstarterError as error:
        return time.monotonic() - begin, error
    return time.monotonic() - begin, None


def all_at_once(library: JumpstarterLibrary, folder: Path) -> dict[str, tuple[float, JumpstarterError | None]]:
    """Run all keywords of the table; return what each took, and its error."""
    with ThreadPoolExecutor(len(ARGUMENTS)) as pool:
        running = {name: pool.submit(took, library, name, folder) for name in ARGUMENTS}
        return {name: future.result(60) for name, future in running.items()}


def test_it_ends_where_the_exporter_stands_still(
    library: tuple[JumpstarterLibrary, HostedExporter], tmp_path: Path
) -> None:
    """And no keyword tells that as something that the board did."""
    keywords, exporter = library
    with standing_still(exporter):
        ended = all_at_once(keywords, tmp_path)
    late = {name: seconds for name, (seconds, _) in ended.items() if seconds > TIMEOUT_S + GRACE_S + BUSY_S}
    assert late == {}
    silent = {name for name, (_, error) in ended.items() if error is None}
    assert silent == {"write_to_console"}  # a text that is not echoed is typed all the same
    wrong = {name: str(error) for name, (_, error) in ended.items() if isinstance(error, DeviceFailure)}
    assert wrong == {}


def test_it_ends_where_a_lost_exporter_is_looked_for(
    tmp_path: Path, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """The tunnel had broken before: the search for another way, of a minute otherwise, ends with the keyword's time."""
    (tmp_path / "write.img").write_bytes(bytes(1000))
    library = JumpstarterLibrary(mode="virtual")
    late, wrong, told = {}, {}, {}
    try:
        lease = library.run_keyword("acquire_lease", ("board=virtual",))
        library.run_keyword("inject_fault", ("exporter", "crash"))
        library.run_keyword("inject_fault", ("router", "drop"))
        eventually(lambda: library._devices.get(None).present.route.lost)
        for name in ARGUMENTS:
            seconds, error = took(library, name, tmp_path)
            if seconds > TIMEOUT_S + GRACE_S + BUSY_S:
                late[name] = seconds
            if error is None or error.fault is not FaultClass.LAB:
                wrong[name] = repr(error)
            told[name] = str(error)
    finally:
        library.run_keyword("clear_faults", ())
        library._close()
    assert late == {}
    assert wrong == {}
    expected = LOOKED_FOR.format(lease=lease["name"])
    assert {name for name, text in told.items() if not text.startswith(expected)} <= {"wait_for_exporter_status"}
