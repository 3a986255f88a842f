"""What a real U-Boot says when it dies ends a wait, with its registers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.consoles.presets import preset_patterns
from JumpstarterLibrary.errors import DeviceCrashed
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.qemu import QemuBoard
from JumpstarterLibrary.types import FailingPreset

LIMIT_S = 180.0


@pytest.fixture
def device() -> Iterator[Device]:
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("not installed: qemu-system-arm")
    board = QemuBoard(arch="arm", firmware="u-boot")
    with (
        serve(Composite(children={"board": board}), grace=0) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={}), LIMIT_S) as device,
    ):
        device.console()
        yield device


def test_an_abort_of_the_boot_loader(device: Device) -> None:
    console = device.console()
    device.client.board.power.on()
    console.wait_for("Hit any key", LIMIT_S)
    console.write(b"\r")
    console.wait_for("=> ", LIMIT_S)
    console.fail_on("u-boot", preset_patterns(FailingPreset.u_boot))
    console.write(b"md 0xf0000000 1\r")  # nothing is there
    with pytest.raises(DeviceCrashed) as caught:
        console.wait_for("=> ", LIMIT_S)
    assert (caught.value.line, caught.value.pattern) == ("data abort", "u-boot: data abort")
    assert "pc : [<" in caught.value.trace
    assert "resetting ..." in caught.value.trace
    console.wait_for("Hit any key", LIMIT_S)
