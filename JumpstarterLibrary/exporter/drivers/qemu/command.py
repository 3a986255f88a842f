"""QEMU's command line."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from JumpstarterLibrary.errors import ConfigurationError

GRAIN = 1024 * 1024
"""A disk is a multiple of this. A PC's firmware does not boot from one that is smaller than a cylinder."""

DEBIAN_UBOOT = Path("/usr/lib/u-boot")
"""Where Debian's package ``u-boot-qemu`` has its firmware."""

UBOOT = {
    "arm": DEBIAN_UBOOT / "qemu_arm" / "u-boot.bin",
    "aarch64": DEBIAN_UBOOT / "qemu_arm64" / "u-boot.bin",
    "i386": DEBIAN_UBOOT / "qemu-x86" / "u-boot.rom",
    "x86_64": DEBIAN_UBOOT / "qemu-x86" / "u-boot.rom",  # its 64 bit build cannot start kernels
    "riscv64": DEBIAN_UBOOT / "qemu-riscv64" / "u-boot.bin",
}
"""U-Boot for each architecture."""

MACHINES = {"arm": "virt", "aarch64": "virt", "i386": "q35", "x86_64": "q35", "riscv64": "virt"}

CPUS = {"arm": "cortex-a15", "aarch64": "cortex-a57"}
"""Where a machine's default processor is none that can run the firmware."""


def bytes_of(size: str) -> int:
    """Return a size in bytes, given as QEMU takes it: a number with K, M, G or T.

    Raises:
        ValueError: It is none.
    """
    found = re.fullmatch(r"([0-9]+)([KMGT])", str(size), re.IGNORECASE)
    if found is None:
        raise ValueError(f"A size is a whole number with K, M, G or T, such as 512M, not {str(size)[:80]!r}.")
    return int(found[1]) << 10 * (1 + "KMGT".index(found[2].upper()))


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """The parts of a machine; ``QemuBoard`` explains the fields."""

    arch: str = "x86_64"
    machine: str | None = None
    cpu: str | None = None
    memory: str = "256M"
    firmware: str | None = None
    kernel: str | None = None
    initrd: str | None = None
    append: str | None = None
    disk: str = "virtio"
    accel: str = "tcg"
    arguments: list[str] = field(default_factory=list)

    def binary(self) -> str:
        """Return QEMU's program for the architecture.

        Raises:
            ConfigurationError: It is not installed.
        """
        name = f"qemu-system-{self.arch}"
        found = shutil.which(name)
        if found is None:
            raise ConfigurationError(
                f"A QEMU board needs {name}, which is not installed. On Debian it is in qemu-system-arm, "
                f"qemu-system-x86 or qemu-system-misc."
            )
        return found

    def files(self) -> dict[str, Path]:
        """Return the files that the machine starts from, by their option.

        Raises:
            ConfigurationError: One is not there.
        """
        named = {"firmware": self._firmware(), "kernel": self.kernel, "initrd": self.initrd}
        found = {option: Path(name) for option, name in named.items() if name is not None}
        for option, path in found.items():
            if not path.is_file():
                hint = " It is in Debian's package u-boot-qemu." if DEBIAN_UBOOT in path.parents else ""
                raise ConfigurationError(f"There is no file '{path}' for '{option}' of the QEMU board.{hint}")
        return found

    def command(self, sockets: Path, disk: Path | None, firmware: Path | None = None) -> list[str]:
        """Return the command that runs the machine.

        QEMU connects to two sockets that the driver listens on, so that the driver need not poll whether it is ready,
        and no byte of the serial port is sent before the driver can read it.

        Args:
            sockets: The folder with the sockets ``serial`` and ``monitor``.
            disk: The content of its disk; None for no disk.
            firmware: What was flashed in place of the configured firmware.
        """
        files = self.files()
        if firmware is not None:
            files["firmware"] = firmware
        machine = self.machine or MACHINES.get(self.arch)
        options = {
            "-accel": self.accel,
            "-M": machine,
            "-cpu": self.cpu or CPUS.get(self.arch),
            "-m": self.memory,
            "-bios": files.get("firmware"),
            "-kernel": files.get("kernel"),
            "-initrd": files.get("initrd"),
            "-append": self.append,
            "-drive": None if disk is None else f"file={_escaped(disk)},format=raw,if={self.disk}",
        }
        given = [word for option, value in options.items() if value is not None for word in (option, str(value))]
        return [
            self.binary(),
            *("-display", "none", "-no-user-config", "-no-shutdown", "-nic", "none"),
            *("-chardev", f"socket,id=serial,path={_escaped(sockets / 'serial')}", "-serial", "chardev:serial"),
            *("-chardev", f"socket,id=monitor,path={_escaped(sockets / 'monitor')}"),
            *("-mon", "chardev=monitor,mode=control"),
            *given,
            *self.arguments,
        ]

    def _firmware(self) -> str | None:
        if self.firmware != "u-boot":
            return self.firmware
        try:
            return str(UBOOT[self.arch])
        except KeyError:
            known = ", ".join(UBOOT)
            raise ConfigurationError(
                f"'firmware: u-boot' is known for {known}, not for {self.arch!r}. Give the file."
            ) from None


def _escaped(path: Path) -> str:
    """Return a path as QEMU's option lists take it."""
    return str(path).replace(",", ",,")
