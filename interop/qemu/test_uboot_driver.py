"""Upstream's U-Boot driver, on upstream's exporter, in front of a real U-Boot."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from interop.exporters import short_folder, upstream_unix
from interop.upstream import Upstream
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.boot.interrupt import interrupt_boot
from JumpstarterLibrary.client.boot.states import DeviceStates, states_of
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.boot.variables import get_variable, set_variable
from JumpstarterLibrary.exporter.drivers.qemu.command import UBOOT

LIMIT_S = 180.0
QEMU = "qemu-system-arm"


@pytest.fixture
def serial() -> Iterator[str]:
    """Start U-Boot, and return the serial port that it is at."""
    if shutil.which(QEMU) is None or not UBOOT["arm"].exists():
        pytest.skip(f"not installed: {QEMU} or u-boot-qemu")
    command = [QEMU, "-M", "virt", "-cpu", "cortex-a15", "-bios", str(UBOOT["arm"]), "-display", "none", "-nic", "none"]
    with subprocess.Popen([*command, "-serial", "pty"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = next(filter(None, (re.search(r"/dev/pts/\d+", line) for line in process.stdout)))
            yield found[0]
        finally:
            process.kill()


@pytest.fixture
def states(upstream: Upstream, serial: str) -> Iterator[DeviceStates]:
    """Connect to an exporter of upstream with that board."""
    children = {
        "power": {"type": "jumpstarter_driver_power.driver.MockPower"},
        "serial": {"type": "jumpstarter_driver_pyserial.driver.PySerial", "config": {"url": serial}},
    }
    config = {
        "apiVersion": "jumpstarter.dev/v1alpha1",
        "kind": "ExporterConfig",
        "metadata": {"namespace": "default", "name": "uboot"},
        "export": {"uboot": {"type": "jumpstarter_driver_uboot.driver.UbootConsole", "children": children}},
    }
    with short_folder() as folder:
        file = Path(folder / "exporter.yaml")
        file.write_text(yaml.safe_dump(config))
        with (
            upstream_unix(upstream, file, folder) as host,
            Device.connect(DirectConnection.from_arguments(host, environ={}), LIMIT_S) as device,
        ):
            device.open_consoles()
            yield states_of(device)


def test_its_children_and_its_prompt_are_used(states: DeviceStates) -> None:
    board = states.board
    assert (board.prompt, board.console.name, board.supply.proxy.path) == ("=>", "uboot.serial", "uboot.power")
    interrupt_boot(board, timeout=LIMIT_S)
    uboot = UBoot(board.console, board.prompt)
    assert "U-Boot 20" in uboot.run("version", LIMIT_S).stdout
    assert uboot.run("false", LIMIT_S).status == 1
    set_variable(uboot, "greeting", "it's ${not} \\ expanded", LIMIT_S)
    assert get_variable(uboot, "greeting", LIMIT_S) == "it's ${not} \\ expanded"
    assert get_variable(uboot, "no_such_variable", LIMIT_S) is None
    assert states.get(LIMIT_S) == ("bootloader", "")
    uboot.enter("reset")
    interrupt_boot(board, timeout=LIMIT_S)
    assert uboot.run("printenv greeting", LIMIT_S).status == 1
