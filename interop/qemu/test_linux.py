"""A real U-Boot and a real Linux on a QEMU board, over the wire: what the virtual board simulates."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from interop.environments import EnvironmentUnavailable
from interop.qemu.linux import LinuxFiles, linux_files
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.consoles.presets import preset_patterns
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import DeviceCrashed
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.qemu import QemuBoard
from JumpstarterLibrary.types import FailingPreset

LIMIT_S = 180.0

BOOTARGS = "console=ttyS0 cryptomgr.notests"
"""The kernel's self-tests of ciphers take a fifth of its start."""


@pytest.fixture(scope="module")
def files() -> LinuxFiles:
    """Return what the board starts; a test that has none is skipped."""
    try:
        return linux_files()
    except EnvironmentUnavailable as error:
        pytest.skip(str(error))


@dataclass
class Machine:
    """A PC with U-Boot, which finds the kernel in the machine.

    Attributes:
        device: It, connected.
        at_shell: Whether a shell waits at its console.
    """

    device: Device
    at_shell: bool = False


@pytest.fixture(scope="module")
def machine(files: LinuxFiles) -> Iterator[Machine]:
    """Connect to the machine, which is off."""
    board = QemuBoard(firmware="u-boot", kernel=str(files.kernel), initrd=str(files.initramfs))
    with (
        serve(Composite(children={"board": board}), grace=0) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={}), LIMIT_S) as device,
    ):
        device.console()
        yield Machine(device)


@pytest.fixture
def device(machine: Machine) -> Device:
    """Return the machine, with a shell at its console: that of the test before, if it says that it has left one."""
    if not machine.at_shell:
        machine.device.client.board.power.off()
        boot(machine.device)
    machine.at_shell = False
    return machine.device


def boot(device: Device) -> None:
    """Bring the board to a shell, by way of U-Boot's prompt."""
    console = device.console()
    device.client.board.power.on()
    console.wait_for("Hit any key to stop autoboot", LIMIT_S)
    console.write(b"\r")
    for command in (
        "qfw load 3000000 8000000",
        f"setenv bootargs {BOOTARGS}",
        "zboot 3000000 0 8000000 ${filesize}",
    ):
        console.wait_for("=> ", LIMIT_S)
        console.write(f"{command}\r".encode())
    console.wait_for("Starting kernel", LIMIT_S)
    log_in(console, "root", "root", LIMIT_S)


def test_from_power_to_a_shell_with_commands(device: Device, machine: Machine) -> None:
    console = device.console()
    assert run_command(console, "uname -s").stdout == "Linux"
    assert run_command(console, "cat /proc/cmdline").stdout == BOOTARGS
    assert run_command(console, "sh -c 'exit 7'").status == 7
    machine.at_shell = True


def test_twenty_commands_while_the_kernel_talks(device: Device, machine: Machine) -> None:
    console = device.console()
    run_command(console, "echo on > /proc/sys/kernel/printk_devkmsg")  # otherwise ten a second at most
    run_command(console, "(while :; do echo noise > /dev/kmsg; sleep 0.02; done) &")
    messages = 0
    for number in range(20):
        result = run_command(console, f"echo {number} | md5sum; (exit {number})")
        digest = hashlib.md5(f"{number}\n".encode()).hexdigest()
        assert (result.stdout, result.status) == (f"{digest}  -", number)
        messages += result.kernel.count("noise")
    result = run_command(console, "seq 1 3000", LIMIT_S)
    assert result.stdout == "\n".join(map(str, range(1, 3001)))
    assert messages + result.kernel.count("noise") > 10
    dmesg = run_command(console, "dmesg | head -n 2").stdout
    assert re.fullmatch(r"\[ +0\.000000\] Linux version .*\n\[ +0\.000000\] Command line: .*", dmesg)
    assert run_command(console, "kill $!").status == 0
    machine.at_shell = True


def test_much_output_and_output_that_is_no_text(device: Device, machine: Machine) -> None:
    console = device.console()
    result = run_command(console, "yes 0123456789abcde | head -n 16384", LIMIT_S)
    assert result.stdout == "\n".join(["0123456789abcde"] * 16384)
    for printed in ("head -c 20000 /dev/urandom", r"printf 'a\033]0;x'", r"printf 'a\033['", r"printf 'a\033'"):
        assert run_command(console, printed, LIMIT_S).status == 0
    assert run_command(console, r"printf 'a\033['").stdout == "a\x1b["
    machine.at_shell = True


def test_a_panic_and_a_reset(device: Device) -> None:
    console = device.console()
    console.fail_on("linux", preset_patterns(FailingPreset.linux))
    begin = time.monotonic()
    with pytest.raises(DeviceCrashed) as caught:
        run_command(console, "echo c > /proc/sysrq-trigger", LIMIT_S)
    assert time.monotonic() - begin < 4
    assert caught.value.line.endswith("Kernel panic - not syncing: sysrq triggered crash")
    assert "sysrq_handle_crash" in caught.value.trace
    assert "---[ end Kernel panic - not syncing: sysrq triggered crash ]---" in caught.value.trace
    device.client.board.press_reset()
    console.wait_for("U-Boot 20", LIMIT_S)
    console.accept("linux")


def test_shutting_down_and_restarting(device: Device) -> None:
    console = device.console()
    assert run_command(console, "reboot", LIMIT_S, restarts=True).status in (0, None)
    device.client.board.power.off()
    boot(device)
    console.write(b"poweroff\n")
    console.wait_for("reboot: System halted", LIMIT_S)  # this U-Boot gives the kernel no ACPI tables
    device.client.board.power.cycle(wait=0)
    console.wait_for("U-Boot 20", LIMIT_S)
