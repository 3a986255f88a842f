"""The virtual board's storage: a multiplexer with one medium."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.exporter.drivers.background import BackgroundFile
from JumpstarterLibrary.exporter.drivers.virtual.medium import Medium, Side
from JumpstarterLibrary.exporter.resources import ResourceStream


class _Guarded:
    """A transfer that fails as soon as the medium is switched away, and hashes what passes."""

    def __init__(self, medium: Medium, stream: ResourceStream) -> None:
        self._medium = medium
        self._stream = stream
        self._digest = hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._pass(chunk)
            yield chunk
        self._medium.require(Side.HOST, "finish writing")

    async def send(self, data: bytes) -> None:
        """Send what was read from the medium."""
        self._pass(data)
        await self._stream.send(data)

    def sha256(self) -> str:
        """Return the hash of what has passed."""
        return self._digest.hexdigest()

    def _pass(self, data: bytes) -> None:
        self._medium.require(Side.HOST, "go on with")
        self._digest.update(data)


@dataclass(kw_only=True, eq=False)
class VirtualStorage(Driver):
    """Switches a medium between host and board, and writes and reads it on the host's side, as real multiplexers do.

    Transfers wait for each other.

    Attributes:
        medium: The medium; it is on the board's side at first.
    """

    medium: Medium = field(repr=False)
    _transfer: asyncio.Lock = field(init=False, default_factory=asyncio.Lock, repr=False)

    @classmethod
    def client(cls) -> str:
        """Return the label of a multiplexer that can flash."""
        return "jumpstarter_driver_opendal.client.StorageMuxFlasherClient"

    @export
    async def host(self) -> None:
        """Give the medium to the host."""
        self.medium.switch(Side.HOST)

    @export
    async def dut(self) -> None:
        """Give the medium to the board."""
        self.medium.switch(Side.BOARD)

    @export
    async def off(self) -> None:
        """Give the medium to neither the host nor the board."""
        self.medium.switch(Side.OFF)

    @export
    async def write(self, src: Mapping[str, Any]) -> None:
        """Take the medium to the host's side, erase it, and write the client's data to it.

        After a write that failed it holds what had come.

        Raises:
            MediumAbsent: The medium left the host's side during the write.
        """
        self.medium.switch(Side.HOST)
        async with self.resource(src) as stream, self._transfer:
            source = _Guarded(self.medium, stream)
            self.medium.files.clear()
            async with BackgroundFile(self.medium.file(), "wb") as file:
                size = await file.write_from(source)
        self.logger.info("Wrote %d bytes to the medium, SHA-256 %s.", size, source.sha256())

    @export
    async def read(self, dst: Mapping[str, Any]) -> None:
        """Take the medium to the host's side and send its whole content to the client.

        Raises:
            MediumAbsent: The medium left the host's side during the read.
        """
        self.medium.switch(Side.HOST)
        async with self.resource(dst) as stream, self._transfer:
            sink = _Guarded(self.medium, stream)
            async with BackgroundFile(self.medium.file(), "rb") as file:
                size = await file.read_into(sink)
        self.logger.info("Read %d bytes from the medium, SHA-256 %s.", size, sink.sha256())

    def close(self) -> None:
        """Remove the medium's private file."""
        super().close()
        # The next session may run on another event loop, which a lock that was waited for would refuse.
        self._transfer = asyncio.Lock()
        self.medium.close()
