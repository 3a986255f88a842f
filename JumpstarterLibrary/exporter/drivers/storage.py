"""Storage media without hardware: a multiplexer between exporter and device, and a flasher. Both keep real files."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import Any

from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.exporter.drivers.background import BackgroundFile
from JumpstarterLibrary.exporter.streams import BrokenStream

PARTITION_NAME_LIMIT = 200
"""Characters of a partition's name; file names end at 255."""


class Side(Enum):
    """The side to which a storage multiplexer connects its medium."""

    HOST = "host"
    DEVICE = "device"
    OFF = "off"


class StorageError(RuntimeError):
    """A medium has nothing to read."""


class FlasherInterface(metaclass=ABCMeta):
    """The methods of a flasher, and its label; for drivers to inherit beside ``Driver``."""

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_opendal.client.FlasherClient"

    @abstractmethod
    def flash(self, source: Any, target: str | None = None) -> Any:
        """Write a resource to a target, such as a partition."""

    @abstractmethod
    def dump(self, target: Any, partition: str | None = None) -> Any:
        """Send what is on a partition to a resource."""


class StorageMuxInterface(metaclass=ABCMeta):
    """The methods of a storage multiplexer, and its label."""

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_opendal.client.StorageMuxClient"

    @abstractmethod
    def host(self) -> Any:
        """Connect the medium to the exporter."""

    @abstractmethod
    def dut(self) -> Any:
        """Connect the medium to the device."""

    @abstractmethod
    def off(self) -> Any:
        """Disconnect the medium."""

    @abstractmethod
    def write(self, src: Any) -> Any:
        """Replace the medium's content by a resource's."""

    @abstractmethod
    def read(self, dst: Any) -> Any:
        """Send the medium's content to a resource."""


class StorageMuxFlasherInterface(StorageMuxInterface):
    """The same, with a label whose clients can flash and dump in one step."""

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_opendal.client.StorageMuxFlasherClient"


@dataclass(kw_only=True, eq=False)
class _MediumDriver(Driver):
    """The base of media in files: the place, one transfer at a time, and closing.

    Attributes:
        path: Where the data is kept; unless given, in a private place that is removed with its data by ``close``.
    """

    path: str | None = None
    _private: Path | None = field(init=False, default=None, repr=False)
    # Two locks, spelt loosely, since pydantic's dataclasses look into the types of inherited fields.
    _guard: Any = field(init=False, default_factory=Lock, repr=False)
    _transfer: Any = field(init=False, default_factory=asyncio.Lock, repr=False)

    def close(self) -> None:
        """Remove a private place. The driver can be used again and then finds an empty medium."""
        super().close()
        # The next session may run on another event loop, which a lock that was waited for would refuse.
        self._transfer = asyncio.Lock()
        with self._guard:
            private, self._private = self._private, None
        if private is not None:
            shutil.rmtree(private)

    def _private_folder(self) -> Path:
        with self._guard:
            if self._private is None:
                self._private = Path(tempfile.mkdtemp(prefix="jumpstarter-storage-"))
            return self._private

    async def _write(self, handle: Mapping[str, Any], file: Path) -> None:
        async with self.resource(handle) as source, self._transfer, BackgroundFile(file, "wb") as target:
            try:
                size = await target.write_from(source)
            except (asyncio.CancelledError, BrokenStream):
                self.logger.warning("writing %s ended early; it holds the first part of the data", file.name)
                raise
        self.logger.info("wrote %d bytes to %s", size, file.name)

    async def _read(self, file: Path, handle: Mapping[str, Any]) -> None:
        async with self.resource(handle) as target, self._transfer, BackgroundFile(file, "rb") as source:
            size = await source.read_into(target)
        self.logger.info("read %d bytes from %s", size, file.name)


@dataclass(kw_only=True, eq=False)
class MockStorageMux(StorageMuxInterface, _MediumDriver):
    """A storage multiplexer whose medium is a file.

    Like real multiplexers, it is written and read in any position of the switch. Transfers wait for each other. After a
    write that was cancelled or lost its client, the medium holds the first part of the data and nothing else.

    Attributes:
        path: The medium: a file or a block device; default a private file that ``close`` removes.
        side: Where the medium is connected; at first nowhere.
    """

    side: Side = field(init=False, default=Side.OFF)

    @property
    def medium(self) -> Path:
        """The medium; a blank one is made if there is none.

        Raises:
            OSError: It cannot be made.
        """
        medium = Path(self.path) if self.path is not None else self._private_folder() / "medium"
        if not medium.exists():
            medium.touch(mode=0o600)
        return medium

    @export
    async def host(self) -> None:
        """Connect the medium to the exporter."""
        self._switch(Side.HOST)

    @export
    async def dut(self) -> None:
        """Connect the medium to the device."""
        self._switch(Side.DEVICE)

    @export
    async def off(self) -> None:
        """Disconnect the medium."""
        self._switch(Side.OFF)

    @export
    async def write(self, src: Mapping[str, Any]) -> None:
        """Replace the medium's content by a resource's."""
        await self._write(src, self.medium)

    @export
    async def read(self, dst: Mapping[str, Any]) -> None:
        """Send the medium's content to a resource."""
        await self._read(self.medium, dst)

    def _switch(self, side: Side) -> None:
        self.side = side
        self.logger.info("storage: %s", side.value)


@dataclass(kw_only=True, eq=False)
class MockStorageMuxFlasher(StorageMuxFlasherInterface, MockStorageMux):
    """The same, with a label whose clients can flash and dump in one step."""


@dataclass(kw_only=True, eq=False)
class MockFlasher(FlasherInterface, _MediumDriver):
    """A flasher that keeps one file per partition, and one for images without a partition.

    Attributes:
        path: The folder of the files; default a private folder that ``close`` removes.
    """

    @export
    async def flash(self, source: Mapping[str, Any], partition: str | None = None) -> None:
        """Replace a partition's content by a resource's."""
        await self._write(source, self.image(partition))

    @export
    async def dump(self, target: Mapping[str, Any], partition: str | None = None) -> None:
        """Send a partition's content to a resource."""
        image = self.image(partition)
        if not image.exists():
            place = "" if partition is None else f" to partition {partition!r}"
            raise StorageError(f"Nothing has been flashed{place} yet. Flash an image first.")
        await self._read(image, target)

    def image(self, partition: str | None = None) -> Path:
        """Return the file of a partition, or of images without one; it may not exist yet.

        Raises:
            ValueError: A partition cannot have that name.
        """
        folder = Path(self.path) if self.path is not None else self._private_folder()
        folder.mkdir(parents=True, exist_ok=True)
        if partition is None:
            return folder / "image"
        if not isinstance(partition, str) or not 0 < len(partition) <= PARTITION_NAME_LIMIT:
            raise ValueError(
                f"A partition's name is text of 1 to {PARTITION_NAME_LIMIT} characters, not {str(partition)[:80]!r}."
            )
        if "/" in partition or "\0" in partition:
            raise ValueError(f"A partition's name has no slashes and no null characters: {partition!r} does.")
        return folder / f"image.{partition}"
