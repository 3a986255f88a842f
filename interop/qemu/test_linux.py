"""A real U-Boot and a real Linux on a QEMU board, over the wire: what the virtual board simulates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from interop.environments import EnvironmentUnavailable
from interop.qemu.linux import LinuxFiles, linux_files
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.qemu import QemuBoard

LIMIT_S = 60.0


@pytest.fixture(scope="module")
def files() -> LinuxFiles:
    """Return what the board starts; a test that has none is skipped."""
    try:
        return linux_files()
    except EnvironmentUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def device(files: LinuxFiles) -> Iterator[Device]:
    """Connect to a PC with U-Boot, which finds the kernel in the machine."""
    board = QemuBoard(firmware="u-boot", kernel=str(files.kernel), initrd=str(files.initramfs))
    with (
        serve(Composite(children={"board": board}), grace=0) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={}), LIMIT_S) as device,
    ):
        device.console()
        yield device


def boot(device: Device) -> None:
    """Bring the board to a shell, by way of U-Boot's prompt."""
    console = device.console()
    device.client.board.power.on()
    console.wait_for("Hit any key to stop autoboot", LIMIT_S)
    console.write(b"\r")
    for command in (
        "qfw load 3000000 8000000",
        "setenv bootargs console=ttyS0",
        "zboot 3000000 0 8000000 ${filesize}",
    ):
        console.wait_for("=> ", LIMIT_S)
        console.write(f"{command}\r".encode())
    log_in(console, "root", "root", LIMIT_S)


def test_from_power_to_a_shell_with_commands(device: Device) -> None:
    boot(device)
    console = device.console()
    assert run_command(console, "uname -s").stdout == "Linux"
    assert run_command(console, "cat /proc/cmdline").stdout == "console=ttyS0"
    assert run_command(console, "sh -c 'exit 7'").status == 7
    run_command(console, "(while :; do echo noise > /dev/kmsg; sleep 0.02; done) &")
    for number in range(10):
        result = run_command(console, f"echo {number} | md5sum; (exit {number})")
        digest = hashlib.md5(f"{number}\n".encode()).hexdigest()
        assert f"{digest}  -" in result.stdout
        assert result.status == number


def test_a_panic_and_a_reset(device: Device) -> None:
    boot(device)
    console = device.console()
    console.write(b"echo c > /proc/sysrq-trigger\n")
    console.wait_for("Kernel panic - not syncing: sysrq triggered crash", LIMIT_S)
    device.client.board.press_reset()
    console.wait_for("U-Boot 20", LIMIT_S)


def test_shutting_down_and_restarting(device: Device) -> None:
    boot(device)
    console = device.console()
    console.write(b"reboot\n")
    console.wait_for("U-Boot 20", LIMIT_S)
    device.client.board.power.off()
    boot(device)
    console.write(b"poweroff\n")
    console.wait_for("reboot: System halted", LIMIT_S)  # this U-Boot gives the kernel no ACPI tables
    device.client.board.power.cycle(wait=0)
    console.wait_for("U-Boot 20", LIMIT_S)
