"""Power and storage of a QEMU board."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.exporter.drivers.power import PowerInterface
from JumpstarterLibrary.exporter.drivers.qemu.command import GRAIN
from JumpstarterLibrary.exporter.drivers.qemu.machine import QemuMachine
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher
from JumpstarterLibrary.types import PowerReading

DISK = "root"
FIRMWARE = "bios"


class BoardIsOn(RuntimeError):
    """The disk cannot be written or read while a machine uses it."""


@dataclass(kw_only=True, eq=False)
class QemuPower(PowerInterface, Driver):
    """Starts and kills a machine.

    Attributes:
        machine: The machine.
    """

    machine: QemuMachine = field(repr=False)

    @export
    async def on(self) -> None:
        """Start the machine; does nothing to one that runs.

        Raises:
            QemuFailed: It does not start.
        """
        await self.machine.power_on()

    @export
    async def off(self) -> None:
        """Cut the power: the machine ends where it is."""
        await self.machine.power_off()

    @export
    async def read(self) -> AsyncIterator[PowerReading]:
        """Refuse: a process draws no current.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("A QEMU board has no power meter.")
        yield  # a streaming method, as it is of supplies that measure

    def close(self) -> None:
        """Cut the power."""
        self.machine.kill()
        super().close()


@dataclass(kw_only=True, eq=False)
class QemuFlasher(MockFlasher):
    """Writes and reads the disk of a machine that is off, and its firmware.

    The partitions are ``root``, the disk, which is meant unless one is named, and ``bios``, the firmware.

    Attributes:
        machine: The machine.
        disk: The file of the disk; default a private file that ``close`` removes.
        size: What the disk has at least, in bytes.
    """

    machine: QemuMachine = field(repr=False)
    disk: Path | None = None
    size: int = field(init=False, default=0)

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_qemu.client.QemuFlasherClient"

    @export
    async def flash(self, source: Mapping[str, Any], partition: str | None = None) -> None:
        """Replace a partition's content by a resource's.

        Raises:
            BoardIsOn: The machine runs.
            ValueError: There is no such partition.
        """
        self._require_off("written")
        await super().flash(source, partition)

    @export
    async def dump(self, target: Mapping[str, Any], partition: str | None = None) -> None:
        """Send a partition's content to a resource.

        Raises:
            BoardIsOn: The machine runs.
            ValueError: There is no such partition.
        """
        self._require_off("read")
        await super().dump(target, partition)

    def image(self, partition: str | None = None) -> Path:
        """Return the file of a partition; it may not exist yet.

        Raises:
            ValueError: There is no such partition.
        """
        if partition not in (None, DISK, FIRMWARE):
            raise ValueError(f"A QEMU board has the partitions {DISK} and {FIRMWARE}, not {str(partition)[:80]!r}.")
        if partition != FIRMWARE and self.disk is not None:
            return self.disk
        return super().image(FIRMWARE if partition == FIRMWARE else DISK)

    def content(self) -> Path | None:
        """Return the file that the machine's disk is, in whole mebibytes; None as long as it is empty."""
        disk = self.image()
        written = disk.stat().st_size if disk.exists() else 0
        size = -(-max(written, self.size) // GRAIN) * GRAIN
        if not size:
            return None
        if size > written:
            with disk.open("ab") as file:
                file.truncate(size)
        return disk

    def firmware(self) -> Path | None:
        """Return the firmware that was written; None where the configured one is in its place."""
        file = self.image(FIRMWARE)
        return file if file.exists() else None

    def _require_off(self, what: str) -> None:
        if self.machine.on:
            raise BoardIsOn(f"The board is on, and its disk cannot be {what} then. Switch it off first.")
