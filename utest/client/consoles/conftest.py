"""A serial port whose other end is in the test's hands, with somebody behind it who answers what is typed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.exporter import Driver, EndOfStream, exportstream


class Port(Driver):
    """The port.

    Attributes:
        got: What was typed.
        answer: Called with what is typed; returns what comes back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._says: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.got = bytearray()
        self.answer: Callable[[bytes], bytes] = lambda _data: b""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        self._loop = asyncio.get_running_loop()
        yield self

    def say(self, *chunks: bytes | None) -> None:
        """Say something, now; None ends the stream."""
        assert self._loop is not None
        for chunk in chunks:
            self._loop.call_soon_threadsafe(self._says.put_nowait, chunk)

    async def send(self, data: bytes) -> None:
        self.got += data
        if back := self.answer(data):
            self._says.put_nowait(back)

    async def receive(self) -> bytes:
        chunk = await self._says.get()
        if chunk is None:
            raise EndOfStream
        return chunk

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def device(port: Port, device_with: Callable[..., Device]) -> Device:
    return device_with({"console": port})


@pytest.fixture
def console(device: Device) -> Console:
    return device.console()
