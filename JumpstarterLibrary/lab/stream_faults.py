"""Faults of byte streams from and to a driver: bytes are garbled, held back or lost."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from JumpstarterLibrary.exporter.streams import ByteStream, EndOfStream
from JumpstarterLibrary.lab.driver_place import DriverPlace


@dataclass(kw_only=True, eq=False)
class StreamFault:
    """A fault of some bytes.

    Attributes:
        driver: Of which drivers: a path with ``*`` for any text, or ``serial`` for every serial port.
        garble: The share of the bytes that become others, from 0 to 1.
        silent: None of them arrives.
        lose: How many are missing at the end; only for transfers.
        seed: Decides which bytes are garbled.
    """

    driver: str = "*"
    garble: float = 0.0
    silent: bool = False
    lose: int = 0
    seed: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def spoil(self, data: bytes) -> bytes:
        """Return what arrives."""
        if self.silent:
            return b""
        if not self.garble:
            return data
        return bytes(
            byte ^ self._random.randint(1, 255) if self._random.random() < self.garble else byte for byte in data
        )


def spoilt(data: bytes, faults: Iterable[StreamFault]) -> bytes:
    """Return what arrives after all faults."""
    for fault in faults:
        data = fault.spoil(data)
    return data


class FaultyStream:
    """A driver's byte stream, of which not everything reaches the client.

    Args:
        stream: The stream.
        faults: Returns what happens to bytes from the driver now.
        place: Whose stream it is.

    Attributes:
        place: As given.
    """

    def __init__(self, stream: ByteStream, faults: Callable[[], Iterable[StreamFault]], place: DriverPlace) -> None:
        self.place = place
        self._stream = stream
        self._faults = faults

    async def send(self, data: bytes) -> None:
        """Send a chunk to the driver. What is typed arrives even where the answer does not."""
        await self._stream.send(data)

    async def receive(self) -> bytes:
        """Return the next chunk of which something is left."""
        while True:
            data = await self._stream.receive()
            left = spoilt(data, self._faults())
            # An empty chunk may be a datagram.
            if left or not data:
                return left

    async def send_eof(self) -> None:
        """Say that no more data follows."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close both directions."""
        await self._stream.aclose()

    def __getattr__(self, name: str) -> Any:
        # What else the stream can do; a driver that opens another one's stream may know more of it.
        return getattr(self._stream, name)


class FaultyResource:
    """The data of a transfer, of which not everything reaches the driver, or the client.

    Args:
        stream: What ``Driver.resource`` yields.
        faults: What happens.
    """

    def __init__(self, stream: Any, faults: list[StreamFault]) -> None:
        self._stream = stream
        self._faults = faults
        self._lose = max(fault.lose for fault in faults)
        self._held = b""

    async def receive(self) -> bytes:
        """Return the next data; the last bytes never come."""
        while True:
            chunk = self._through(await self._stream.receive())
            if chunk:
                return chunk

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.receive()
        except EndOfStream:
            raise StopAsyncIteration from None

    async def send(self, data: bytes) -> None:
        """Send data to the client; the last bytes never arrive."""
        chunk = self._through(data)
        if chunk:
            await self._stream.send(chunk)

    async def send_eof(self) -> None:
        """Say that no more data follows."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Let go of the stream."""
        await self._stream.aclose()

    def _through(self, data: bytes) -> bytes:
        self._held += spoilt(data, self._faults)
        passing = max(len(self._held) - self._lose, 0)
        chunk, self._held = self._held[:passing], self._held[passing:]
        return chunk
