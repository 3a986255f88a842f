"""Drivers that fail or take long, consoles that garble, images that lose bytes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.errors import (
    DriverError,
    DriverInvalidArgument,
    DriverMethodNotImplemented,
    DriverTimeout,
    DriverUnavailable,
    InfrastructureError,
    OperationTimeout,
)
from JumpstarterLibrary.exporter import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
from JumpstarterLibrary.exporter.streams import MemoryStream, memory_pair
from JumpstarterLibrary.lab import LabExporter, VirtualLab
from JumpstarterLibrary.lab.call_faults import ERRORS

Eventually = Callable[[Callable[[], object]], None]

GENERIC = "jumpstarter.client.DriverClient"


@dataclass(kw_only=True, eq=False)
class Everything(Driver):
    """A driver with a method of each shape."""

    @classmethod
    def client(cls) -> str:
        return GENERIC

    @export
    async def awaited(self, text: str) -> str:
        return text

    @export
    def blocking(self, text: str) -> str:
        return text

    @export
    async def awaited_items(self) -> AsyncIterator[int]:
        yield 1

    @export
    def blocking_items(self) -> Iterator[int]:
        yield 1

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[MemoryStream]:
        near, far = memory_pair()
        await far.send(b"hello")
        yield near


def tree() -> Driver:
    """Three entries: two drivers, and another name of the first one."""
    return Composite(children={"one": Everything(), "two": Everything(), "alias": Proxy(ref="one")})


@pytest.fixture
def wishes() -> list[LabExporter]:
    return [
        LabExporter(name="board", labels={"number": "1"}),
        LabExporter(name="bench", labels={"number": "2"}, driver=tree),
    ]


@pytest.fixture
def bench(leasing: Any) -> Iterator[LeasedDevice]:
    """The drivers with a method of each shape, leased."""
    with leasing("number=2") as device:
        yield device


USES: dict[str, Callable[[LeasedDevice, str], object]] = {
    "awaited": lambda device, path: device.driver(path).call("awaited", "x"),
    "blocking": lambda device, path: device.driver(path).call("blocking", "x"),
    "awaited_items": lambda device, path: list(device.driver(path).streamingcall("awaited_items")),
    "blocking_items": lambda device, path: list(device.driver(path).streamingcall("blocking_items")),
    "connect": lambda device, path: _connect(device, path),
}


def _connect(device: LeasedDevice, path: str) -> bytes:
    with device.driver(path).stream("connect") as stream:
        return stream.receive(timeout=5)


@pytest.mark.parametrize("name", ERRORS)
def test_drivers_raise(lab: VirtualLab, bench: LeasedDevice, name: str) -> None:
    kind = {
        "NotImplementedError": DriverMethodNotImplemented,
        "ValueError": DriverInvalidArgument,
        "TimeoutError": DriverTimeout,
        "ConnectionError": DriverUnavailable,
        "ConnectionResetError": DriverUnavailable,
    }.get(name, DriverError)
    with lab.inject("driver", "raise", error=name, text="no such luck"), pytest.raises(kind, match="no such luck"):
        bench.driver("one").call("awaited", "x")
    assert bench.driver("one").call("awaited", "x") == "x"


@pytest.mark.parametrize("use", USES)
def test_whatever_shape_they_have(lab: VirtualLab, bench: LeasedDevice, use: str) -> None:
    before = USES[use](bench, "one")
    with lab.inject("driver", "raise", method=use), pytest.raises(InfrastructureError, match="fails on request"):
        USES[use](bench, "one")
    assert USES[use](bench, "one") == before


def test_only_some_of_them(lab: VirtualLab, bench: LeasedDevice) -> None:
    def outcome(path: str, use: str) -> str:
        try:
            USES[use](bench, path)
        except DriverError:
            return "failed"
        return "worked"

    with lab.inject("driver", "raise", driver="on*", method="awaited*"):
        assert [outcome(path, "awaited") for path in ("one", "two", "alias")] == ["failed", "worked", "failed"]
        assert [outcome("one", use) for use in ("awaited_items", "blocking")] == ["failed", "worked"]
    with lab.inject("driver", "raise", driver="alias"):
        assert [outcome(path, "blocking") for path in ("one", "two")] == ["failed", "worked"]
    with lab.inject("driver", "raise", times=2):
        assert [outcome("two", "awaited") for _ in range(3)] == ["failed", "failed", "worked"]
    with lab.inject("driver", "raise", name="board"):
        assert outcome("one", "awaited") == "worked"


@pytest.mark.parametrize("use", ["awaited", "blocking", "blocking_items"])
def test_calls_take_long(lab: VirtualLab, bench: LeasedDevice, use: str) -> None:
    with lab.inject("driver", "delay", delay=1):
        began = time.monotonic()
        USES[use](bench, "one")
        assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("use", ["awaited", "blocking"])
def test_calls_that_were_held_back_go_on(lab: VirtualLab, bench: LeasedDevice, use: str) -> None:
    lab.inject("driver", "delay", delay="1 h", for_=1)
    assert USES[use](bench, "one") == "x"


def test_a_call_that_is_given_up(lab: VirtualLab, bench: LeasedDevice) -> None:
    with lab.inject("driver", "delay", delay="1 h"), pytest.raises(OperationTimeout, match="did not finish within"):
        bench.driver("one").call("awaited", "x", timeout=0.05)


@pytest.mark.parametrize("use", ["awaited", "blocking"])
def test_answers_are_too_big(lab: VirtualLab, bench: LeasedDevice, use: str) -> None:
    with lab.inject("driver", "flood"):
        # More than gRPC takes unless it is told to, as the library's client is.
        assert USES[use](bench, "one") == "x" * (5 * 1024 * 1024)
    with lab.inject("driver", "flood", size=100):
        assert USES[use](bench, "one") == "x" * 100


def test_a_console_garbles(lab: VirtualLab, device: LeasedDevice) -> None:
    with _console(device) as console, lab.inject("console", "garble", share=1):
        device.client.power.on()
        assert b"U-Boot" not in _until_quiet(console)


def test_a_console_is_silent(lab: VirtualLab, device: LeasedDevice) -> None:
    with _console(device) as console:
        fault = lab.inject("console", "silence", driver="con*")
        device.client.power.on()
        with pytest.raises(OperationTimeout):
            console.receive(timeout=0.1)
        fault.clear()
        device.client.power.off()
        device.client.power.on()
        assert console.receive(timeout=5)


def test_a_console_ends(lab: VirtualLab, device: LeasedDevice) -> None:
    with _console(device) as console:
        lab.inject("console", "close", driver="other")
        device.client.power.on()
        assert console.receive(timeout=5)
        lab.inject("console", "close")
        assert _until_quiet(console) is not None


def test_what_is_no_console_stays_as_it_is(lab: VirtualLab, bench: LeasedDevice) -> None:
    with lab.inject("console", "silence"):
        assert USES["connect"](bench, "one") == b"hello"


def test_images_lose_their_end(lab: VirtualLab, device: LeasedDevice, tmp_path: Path) -> None:
    image, back = tmp_path / "image", tmp_path / "back"
    image.write_bytes(bytes(range(256)) * 1000)
    with lab.inject("flash", "truncate", lose=1000):
        device.client.storage.write_local_file(image)
        assert _medium(lab).read_bytes() == image.read_bytes()[:-1000]
    device.client.storage.write_local_file(image)
    assert _medium(lab).read_bytes() == image.read_bytes()
    with lab.inject("flash", "truncate", lose=5, driver="storage"):
        device.client.storage.read_local_file(back)
    assert back.read_bytes() == image.read_bytes()[:-5]


def test_images_are_garbled(lab: VirtualLab, device: LeasedDevice, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(10_000))
    with lab.inject("flash", "garble", share="1%", seed=7):
        device.client.storage.write_local_file(image)
    wrong = sum(byte != 0 for byte in _medium(lab).read_bytes())
    assert 50 < wrong < 200


def _medium(lab: VirtualLab) -> Path:
    board = lab.exporters["board"].driver
    assert board is not None
    storage: Any = board.children["storage"]
    path: Path = storage.medium.file()
    return path


def _console(device: LeasedDevice) -> Any:
    return device.driver("console").stream("connect")


def _until_quiet(stream: Any) -> bytes:
    """Return what comes until nothing comes any more."""
    data = b""
    while True:
        try:
            chunk = stream.receive(timeout=0.3)
        except (OperationTimeout, EOFError, InfrastructureError):
            return data
        if not chunk:
            return data
        data += chunk
