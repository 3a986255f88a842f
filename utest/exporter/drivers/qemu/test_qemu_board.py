"""The QEMU board with real firmware: Debian's U-Boot, and a boot sector of our own."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import FlasherProxy
from JumpstarterLibrary.client.drivers.image import WriteOptions
from JumpstarterLibrary.errors import (
    ConfigurationError,
    DriverError,
    DriverInvalidArgument,
    DriverMethodNotImplemented,
    DriverUnavailable,
)
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.qemu import QemuBoard
from JumpstarterLibrary.exporter.drivers.qemu.bootsector import make_boot_sector
from JumpstarterLibrary.exporter.drivers.qemu.command import UBOOT

LIMIT_S = 20.0

MISSING = [name for name in ("qemu-system-arm", "qemu-system-x86_64") if shutil.which(name) is None]
MISSING += [str(path) for path in (UBOOT["arm"],) if not path.exists()]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

Boards = Callable[..., Device]


@pytest.fixture
def board(connecting: Boards) -> Iterator[Boards]:
    """Return a device with a QEMU board of such a configuration, and its console open."""
    with ExitStack() as stack:

        def start(**config: Any) -> Device:
            tree = Composite(children={"board": QemuBoard(**config)})
            device = connecting(stack.enter_context(serve(tree, grace=0)).host)
            device.console()
            return device

        yield start


@pytest.fixture
def arm(board: Boards) -> Device:
    """An ARM board with U-Boot."""
    return board(arch="arm", firmware="u-boot", memory="128M")


@pytest.fixture
def sector(tmp_path: Path) -> Path:
    """The image of a disk that says hello."""
    path = tmp_path / "sector.img"
    path.write_bytes(make_boot_sector("hello from the disk\r\n"))
    return path


def prompt(device: Device) -> None:
    """Stop U-Boot at its prompt."""
    console = device.console()
    console.wait_for("Hit any key to stop autoboot", LIMIT_S)
    console.write(b"\r")
    console.wait_for("=> ", LIMIT_S)


def test_its_tree(arm: Device) -> None:
    labels = {node.path: node.label for node in arm.root.walk() if node.path}
    assert labels == {
        "board": "jumpstarter_driver_qemu.client.QemuClient",
        "board.power": "jumpstarter_driver_power.client.PowerClient",
        "board.storage": "jumpstarter_driver_qemu.client.QemuFlasherClient",
        "board.console": "jumpstarter_driver_pyserial.client.PySerialClient",
    }
    board = arm.client.board
    assert (board.get_hostname(), board.get_username(), board.get_password()) == ("virtual", "root", "root")


def test_uboot_boots_from_its_first_byte_and_takes_commands(arm: Device) -> None:
    arm.client.board.power.on()
    prompt(arm)
    console = arm.console()
    assert console.text(0).lstrip().startswith("U-Boot 20")
    console.write(b"setenv colour green; printenv colour\r")
    console.wait_for("colour=green\n=> ", LIMIT_S)


def test_switching_twice_is_fine_and_a_power_cut_forgets(arm: Device) -> None:
    power, console = arm.client.board.power, arm.console()
    power.off()
    power.on()
    power.on()
    prompt(arm)
    console.write(b"setenv colour green; echo done\r")
    console.wait_for("\ndone", LIMIT_S)
    power.off()
    power.off()
    power.on()
    prompt(arm)
    console.write(b"printenv colour\r")
    console.wait_for('## Error: "colour" not defined', LIMIT_S)


def test_reset_restarts_the_processor_only(arm: Device) -> None:
    arm.client.board.power.on()
    prompt(arm)
    end = arm.console().end
    arm.client.board.press_reset()
    arm.console().wait_for("U-Boot 20", LIMIT_S, since=end)
    arm.client.board.power.off()
    with pytest.raises(DriverUnavailable, match=r"A board that is off cannot be reset. Switch it on"):
        arm.client.board.press_reset()


def test_a_pc_boots_what_was_written(board: Boards, sector: Path) -> None:
    device = board(disk="ide", memory="32M")
    storage, power, console = device.client.board.storage, device.client.board.power, device.console()
    assert isinstance(storage, FlasherProxy)
    storage.write_image(sector, WriteOptions())
    power.on()
    console.wait_for("hello from the disk", LIMIT_S)
    console.write(b"echo?")
    console.wait_for("echo?", LIMIT_S)


def test_the_disk_is_the_machines_while_it_is_on(board: Boards, sector: Path, tmp_path: Path) -> None:
    device = board(disk="ide", memory="32M")
    storage, power = device.client.board.storage, device.client.board.power
    storage.flash(sector)
    power.on()
    with pytest.raises(DriverError, match=r"The board is on, and its disk cannot be written then. Switch it off first"):
        storage.flash(sector)
    with pytest.raises(DriverError, match=r"The board is on, and its disk cannot be read then. Switch it off first"):
        storage.dump(tmp_path / "dump")
    power.off()
    storage.dump(tmp_path / "dump")
    assert (tmp_path / "dump").read_bytes() == sector.read_bytes().ljust(1024 * 1024, b"\0")


def test_firmware_can_be_written(board: Boards) -> None:
    device = board(arch="arm", memory="128M")
    device.client.board.storage.flash(UBOOT["arm"], target="bios")
    device.client.board.power.on()
    prompt(device)


def test_a_disk_of_ones_own_keeps_its_content(board: Boards, sector: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk,1.img"
    disk.write_bytes(sector.read_bytes() + b"odd")
    device = board(disk="ide", memory="32M", storage=str(disk))
    device.client.board.set_disk_size("3M")
    device.client.board.power.on()
    device.console().wait_for("hello from the disk", LIMIT_S)
    device.client.board.power.off()
    device.close()
    assert disk.read_bytes() == (sector.read_bytes() + b"odd").ljust(3 * 1024 * 1024, b"\0")


def test_it_has_no_power_meter_and_two_partitions(arm: Device, sector: Path) -> None:
    with pytest.raises(DriverMethodNotImplemented, match="A QEMU board has no power meter"):
        next(arm.client.board.power.read())
    with pytest.raises(DriverInvalidArgument, match="A QEMU board has the partitions root and bios, not 'data'"):
        arm.client.board.storage.flash(sector, target="data")
    for method in ("set_disk_size", "set_memory_size"):
        with pytest.raises(DriverInvalidArgument, match="A size is a whole number with K, M, G or T, such as 512M"):
            arm.client.board.call(method, "much")


def test_qemu_says_what_it_does_not_take(board: Boards) -> None:
    device = board(arguments=["-device", "toaster"])
    with pytest.raises(DriverUnavailable, match=r"QEMU did not start: .*'toaster' is not a valid device model name"):
        device.client.board.power.on()
    device.client.board.power.off()


def test_a_machine_that_is_killed_is_told_and_comes_back(
    arm: Device, caplog: pytest.LogCaptureFixture, eventually: Callable[[Callable[[], object]], None]
) -> None:
    arm.client.board.power.on()
    prompt(arm)
    (process,) = _machines()
    os.kill(process, signal.SIGKILL)
    eventually(lambda: "QEMU has ended with status -9. Switch the board off and on." in caplog.text)
    arm.client.board.power.cycle(wait=0)
    prompt(arm)


def test_nothing_is_left_of_it(board: Boards, eventually: Callable[[Callable[[], object]], None]) -> None:
    before = _machines()
    device = board(arch="arm", firmware="u-boot", memory="128M")
    device.client.board.power.on()
    (process,) = set(_machines()) - set(before)
    device.client.board.power.off()
    eventually(lambda: process not in _machines())


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"arch": "pdp11"}, "A QEMU board needs qemu-system-pdp11, which is not installed."),
        ({"kernel": "/nowhere/vmlinuz"}, "There is no file '/nowhere/vmlinuz' for 'kernel' of the QEMU board."),
        ({"firmware": "/nowhere/rom"}, "There is no file '/nowhere/rom' for 'firmware' of the QEMU board."),
    ],
)
def test_what_is_missing_is_told_at_the_start(config: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as info:
        QemuBoard(**config)
    assert str(info.value).startswith(sentence)


def test_boot_sector_has_little_room() -> None:
    assert len(make_boot_sector("x" * 400)) == 512
    with pytest.raises(ValueError, match=r"^A boot sector has room for \d+ characters, not 500\.$"):
        make_boot_sector("x" * 500)


def _machines() -> list[int]:
    """Return the QEMU processes that this process has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = entry.read_text().partition("(")[2].rpartition(")")
        except (OSError, ProcessLookupError):
            continue
        state, parent = rest.split()[:2]
        if name.startswith("qemu-system") and int(parent) == os.getpid() and state != "Z":
            found.append(int(entry.parent.name))
    return found
