"""Whether a driver has a method is found out without calling it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.support import supports
from JumpstarterLibrary.exporter import ByteStream, Driver, export, exportstream, serve
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.streams import memory_pair


@dataclass(kw_only=True)
class Traced(Driver):
    """Remembers what was called."""

    called: list[str] = field(default_factory=list)

    @classmethod
    def client(cls) -> str:
        return "test.Traced"

    @export
    def unary(self) -> None:
        self.called.append("unary")

    @export
    async def streaming(self) -> AsyncIterator[int]:
        self.called.append("streaming")
        yield 1

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        self.called.append("connect")
        yield memory_pair()[0]

    @exportstream
    @asynccontextmanager
    async def unusual(self) -> AsyncIterator[ByteStream]:
        near, far = memory_pair()
        await far.send(b"x")
        yield near

    def private(self) -> None: ...


@pytest.fixture
def driver() -> Traced:
    return Traced()


@pytest.fixture
def device(driver: Traced) -> Iterator[Device]:
    with (
        serve(driver) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={})) as device,
    ):
        yield device


@pytest.mark.parametrize("method", ["unary", "streaming", "connect", "unusual"])
def test_what_is_there(device: Device, driver: Traced, method: str) -> None:
    assert supports(device.client, method)
    assert driver.called == []


def test_a_unary_method_called_connect_is_not_called() -> None:
    @dataclass(kw_only=True)
    class Wireless(Traced):
        @export
        def connect(self) -> None:  # type: ignore[override]
            self.called.append("connect")

    driver = Wireless()
    with (
        serve(driver) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={})) as device,
    ):
        assert supports(device.client, "connect")
    assert driver.called == []


@pytest.mark.parametrize("method", ["fly", "private", "close", "reset", "report", "connect_web"])
def test_what_is_not(device: Device, method: str) -> None:
    assert not supports(device.client, method)


def test_close_of_a_serial_port_is_for_clients() -> None:
    with (
        serve(PySerial(url="loop://")) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={})) as device,
    ):
        assert supports(device.client, "close")
