"""The QEMU board as a driver: power, storage and console of one machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.exporter.drivers.qemu.command import Hardware, bytes_of
from JumpstarterLibrary.exporter.drivers.qemu.drivers import QemuFlasher, QemuPower
from JumpstarterLibrary.exporter.drivers.qemu.machine import QemuMachine
from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.console import VirtualConsole
from JumpstarterLibrary.exporter.drivers.virtual.wire import BACKLOG, Wire


@dataclass(kw_only=True, eq=False)
class QemuBoard(Driver):
    """A machine in QEMU with the children ``power``, ``storage`` and ``console``.

    Power is the process: on starts it, off kills it. The console is its first serial port, and can be opened before
    power is on. Storage is its disk, written and read while it is off.

    In an exporter's configuration::

        export:
          board:
            type: JumpstarterLibrary.exporter.drivers.qemu.QemuBoard
            config:
              arch: arm
              firmware: u-boot

    Attributes:
        arch: The end of the name of QEMU's program: ``x86_64`` (default), ``i386``, ``arm``, ``aarch64``, ``riscv64``.
        machine: QEMU's ``-M``. Default: ``q35`` for PCs, else ``virt``.
        cpu: QEMU's ``-cpu``. Default: one that fits the machine.
        memory: With unit; default ``256M``.
        firmware: A file, or ``u-boot`` for the one of Debian's package u-boot-qemu. Default: QEMU's own.
        kernel: A kernel that the firmware finds in the machine, or that QEMU starts.
        initrd: Its initial file system.
        append: Its command line.
        disk: How the machine sees its disk: ``virtio`` (default), ``ide``, ``sd``.
        storage: The disk's file. Default: a private file that is empty at first and removed by ``close``; a machine
            has no disk before something is written.
        accel: QEMU's accelerator; default ``tcg``, which works everywhere.
        arguments: Further arguments of QEMU.
        hostname: What ``get_hostname`` answers, for tests that log in; default ``virtual``.
        username: What ``get_username`` answers; default ``root``.
        password: What ``get_password`` answers; default ``root``.
        backlog: Bytes that wait for a console stream that is not read, default 1 MiB; then the oldest are dropped.
    """

    arch: str = "x86_64"
    machine: str | None = None
    cpu: str | None = None
    memory: str = "256M"
    firmware: str | None = None
    kernel: str | None = None
    initrd: str | None = None
    append: str | None = None
    disk: str = "virtio"
    storage: str | None = None
    accel: str = "tcg"
    arguments: list[str] = field(default_factory=list)
    hostname: str = "virtual"
    username: str = "root"
    password: str = field(default="root", repr=False)
    backlog: int = BACKLOG
    _machine: QemuMachine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Wire the parts together.

        Raises:
            ConfigurationError: QEMU or one of the machine's files is not there.
            ValueError: A child has the name of one of the board's own.
        """
        super().__post_init__()
        hardware = self._hardware()
        hardware.binary()
        hardware.files()
        wire = Wire(Clock(1), self.logger, backlog=self.backlog)
        self._machine = QemuMachine(wire, self._command, self.logger)
        self._flasher = QemuFlasher(machine=self._machine, disk=Path(self.storage) if self.storage else None)
        own: dict[str, Driver] = {
            "power": QemuPower(machine=self._machine),
            "storage": self._flasher,
            "console": VirtualConsole(wire=wire),
        }
        for name in own.keys() & self.children.keys():
            raise ValueError(f"A QEMU board has its own child {name!r}. Give the configured one another name.")
        self.children = own | self.children

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_qemu.client.QemuClient"

    @export
    async def press_reset(self) -> None:
        """Restart the machine as its reset button does. (``reset`` is what prepares a driver for a session.)

        Raises:
            QemuFailed: The board is off.
        """
        await self._machine.reset()

    @export
    async def get_hostname(self) -> str:
        """Return the guest's host name."""
        return self.hostname

    @export
    async def get_username(self) -> str:
        """Return who can log in."""
        return self.username

    @export
    async def get_password(self) -> str:
        """Return with which password."""
        return self.password

    @export
    async def set_disk_size(self, size: str) -> None:
        """Give the disk at least this size, such as ``2G``, from the next time that the machine is switched on.

        Raises:
            ValueError: It is no size.
        """
        self._flasher.size = bytes_of(size)

    @export
    async def set_memory_size(self, size: str) -> None:
        """Give the machine so much memory, such as ``512M``, from the next time that it is switched on.

        Raises:
            ValueError: It is no size.
        """
        bytes_of(size)
        self.memory = size

    def _hardware(self) -> Hardware:
        return Hardware(
            arch=self.arch,
            machine=self.machine,
            cpu=self.cpu,
            memory=self.memory,
            firmware=self.firmware,
            kernel=self.kernel,
            initrd=self.initrd,
            append=self.append,
            disk=self.disk,
            accel=self.accel,
            arguments=self.arguments,
        )

    def _command(self, sockets: Path) -> list[str]:
        return self._hardware().command(sockets, self._flasher.content(), self._flasher.firmware())
