"""The boards on which one and the same suite runs: a virtual one, and real software in QEMU."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from robot.api import SkipExecution
from robot.api.deco import library

from interop.environments import EnvironmentUnavailable
from interop.qemu.linux import linux_files
from JumpstarterLibrary.exporter.drivers.qemu.command import UBOOT

_DRIVERS = "JumpstarterLibrary.exporter.drivers"


@dataclass(frozen=True)
class Board:
    """What suites have to know of a board.

    Attributes:
        config: Its exporter's configuration; called when it is needed.
        tools: Programs that it takes.
        files: Files that it takes.
        bootargs: What its kernel needs on its command line; empty where U-Boot has it.
        start: U-Boot commands that start its system then.
        banner: What U-Boot says first.
        address: What its network gives U-Boot.
        noise: The command that makes its kernel talk all the time.
    """

    config: Callable[[], dict[str, Any]]
    tools: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    bootargs: str = ""
    start: tuple[str, ...] = ("boot",)
    banner: str = "U-Boot 20"
    address: str = ""
    noise: str = "true"

    @property
    def boot(self) -> tuple[str, ...]:
        """All U-Boot commands that start its system."""
        return (f"setenv bootargs {self.bootargs}", *self.start) if self.bootargs else self.start


def _virtual(**config: Any) -> dict[str, Any]:
    # It counts down for as long as U-Boot in QEMU does, though everything else is ten times as fast.
    config = {"preinstalled": True, "bootdelay": 20, **config}
    return {"type": f"{_DRIVERS}.virtual.VirtualBoard", "config": config}


def _qemu(**config: Any) -> dict[str, Any]:
    return {"type": f"{_DRIVERS}.qemu.QemuBoard", "config": {"firmware": "u-boot", **config}}


def _qemu_linux(**config: Any) -> dict[str, Any]:
    try:
        files = linux_files()
    except EnvironmentUnavailable as error:
        raise SkipExecution(str(error)) from error
    return _qemu(kernel=str(files.kernel), initrd=str(files.initramfs), **config)


NETWORK = ["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"]

BOARDS = {
    "virtual": Board(_virtual, address="192.0.2.10"),
    "virtual-noisy": Board(lambda: _virtual(noise=1, bracketed_paste=True)),
    "qemu-uboot": Board(
        lambda: _qemu(arch="arm", arguments=NETWORK), ("qemu-system-arm",), (UBOOT["arm"],), address="10.0.2.15"
    ),
    "qemu-uboot-bare": Board(lambda: _qemu(arch="arm"), ("qemu-system-arm",), (UBOOT["arm"],)),
    "qemu-uboot-arm64": Board(lambda: _qemu(arch="aarch64"), ("qemu-system-aarch64",), (UBOOT["aarch64"],)),
    "qemu-uboot-x86": Board(lambda: _qemu(arch="i386"), ("qemu-system-i386",), (UBOOT["i386"],)),
    "qemu-linux-quiet": Board(
        lambda: _qemu_linux(firmware=None, append="console=ttyS0 quiet"), ("qemu-system-x86_64",)
    ),
    "qemu-linux": Board(
        _qemu_linux,
        ("qemu-system-x86_64",),
        (UBOOT["x86_64"],),
        bootargs="console=ttyS0",
        start=("qfw load 3000000 8000000", "zboot 3000000 0 8000000 ${filesize}"),
        noise="(while :; do echo noise from the kernel > /dev/kmsg; sleep 0.05; done) &",
    ),
}


@library(scope="SUITE", auto_keywords=True)
class Boards:
    """Finds boards by name."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._count = 0

    @cached_property
    def _directory(self) -> Path:
        """Made when it is needed: Robot makes instances that are never used."""
        return Path(tempfile.mkdtemp(prefix="jumpstarter-atest-"))

    def get_board(self, name: str) -> Board:
        """Return what suites have to know of a board."""
        return BOARDS[name]

    def skip_if_board_is_missing(self, *names: str) -> None:
        """Skip where a board's tools are not installed; in continuous integration that is a failure."""
        for name in names:
            board = BOARDS[name]
            missing = [tool for tool in board.tools if shutil.which(tool) is None]
            missing += [str(path) for path in board.files if not path.exists()]
            if missing:
                raise SkipExecution(f"not installed: {', '.join(missing)}")
            board.config()

    def write_board_config(self, name: str) -> Path:
        """Write the configuration of an exporter with a board, and return the file."""
        return self.write_yaml({"children": {"board": BOARDS[name].config()}})

    def write_board_settings(self, name: str, **more: Any) -> Path:
        """Write a states file that says how a board boots, and return it."""
        board = BOARDS[name]
        given = {} if board.boot == ("boot",) else {"boot": list(board.boot)}
        return self.write_yaml({"settings": {"off_time": "100 ms", **given, **more}})

    def write_yaml(self, content: Any) -> Path:
        """Write a YAML file."""
        self._count += 1
        path = self._directory / f"{self._count}.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    def end_suite(self, _data: object, _result: object) -> None:
        """Remove the files."""
        if "_directory" in vars(self):
            shutil.rmtree(self._directory, ignore_errors=True)
