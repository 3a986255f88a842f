"""Debian's kernels boot without any false alarm, and a panic of each is told with its whole trace."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.environments import EnvironmentUnavailable
from interop.kernels.debian import KERNELS, DebianKernel, debian_board
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.consoles.presets import preset_patterns
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import DeviceCrashed
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.types import FailingPreset
from scripts.environments import ROOT

LIMIT_S = 300.0

RECORDINGS = ROOT / "results" / "nightly" / "boots"
"""The consoles, for ``utest/client/consoles/boots``."""


@pytest.fixture(params=KERNELS, ids=lambda kernel: kernel.debian)
def kernel(request: pytest.FixtureRequest) -> DebianKernel:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def device(kernel: DebianKernel, tmp_path: Path) -> Iterator[Device]:
    try:
        board = debian_board(kernel)
    except EnvironmentUnavailable as error:
        pytest.skip(str(error))
    with (
        serve(Composite(children={"board": board}), grace=0) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={}), LIMIT_S) as device,
    ):
        device.transcripts = tmp_path
        yield device


def test_a_boot_and_a_panic(kernel: DebianKernel, device: Device, tmp_path: Path) -> None:
    console = device.console()
    for preset in FailingPreset:
        console.fail_on(preset.value, preset_patterns(preset))
    device.client.board.power.on()
    log_in(console, "root", "root", LIMIT_S)
    # What asks a kernel for reports that look like those of a crash.
    run_command(
        console,
        "echo 1 > /proc/sys/kernel/sysrq; for key in l m t w; do echo $key > /proc/sysrq-trigger; done",
        LIMIT_S,
    )
    assert run_command(console, "uname -s", LIMIT_S).stdout == "Linux"
    assert console.crash() is None
    RECORDINGS.mkdir(parents=True, exist_ok=True)
    shutil.copy(next(tmp_path.glob("*.log")), RECORDINGS / f"{kernel.debian}.log")
    with pytest.raises(DeviceCrashed) as caught:
        run_command(console, "echo c > /proc/sysrq-trigger", LIMIT_S)
    assert caught.value.line.endswith("Kernel panic - not syncing: sysrq triggered crash")
    while console.wait_for_output(5):
        pass
    said = console.text(console.end - 100_000)
    assert caught.value.trace == said[said.rindex(caught.value.line) :].rstrip("\n")
    assert len(caught.value.trace.splitlines()) > 5
