"""Rows about a board with a real U-Boot: from power off to its prompt, and commands there."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.processes import Setting
from bench.rows import Row, Target, ToolMissing
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.boot.states import DeviceStates, states_of
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.qemu import QemuBoard

LIMIT_S = 30.0


def boot(_setting: Setting, rounds: int = 9, commands: int = 100) -> Iterator[Row]:
    """Measure how long `Ensure Device State    bootloader` takes, and a U-Boot command, on an ARM board in QEMU.

    Raises:
        ToolMissing: QEMU or U-Boot is not installed.
    """
    try:
        _qemu()
    except ConfigurationError as error:
        raise ToolMissing(error) from error
    first = [_first_start() for _ in range(rounds)]
    with _board() as states:
        cold = [_cold_start(states) for _ in range(rounds)]
        uboot = UBoot(states.board.console, states.board.prompt)
        command = [_seconds(lambda: uboot.run("true", LIMIT_S)) for _ in range(commands)]
    for name, values, meaning in (
        ("off", cold, "`Ensure Device State    bootloader` on an ARM board in QEMU that is off."),
        (
            "never seen before",
            first,
            "`Ensure Device State    bootloader` where the client looks for a prompt first, since it knows no state.",
        ),
    ):
        target = Target("worst <= 1.5", max(values), 1.5)
        yield Row(f"to U-Boot's prompt, board {name}", meaning, "s", _ours(values), (target,))
    meaning = "`Run U-Boot Command    true` on that board, with its exit status."
    yield Row("U-Boot command with status", meaning, "ms", _ours([value * 1000 for value in command]))


def _qemu() -> QemuBoard:
    return QemuBoard(arch="arm", firmware="u-boot")


@contextmanager
def _board() -> Iterator[DeviceStates]:
    tree = Composite(children={"board": _qemu()})
    with (
        serve(tree, grace=0) as exporter,
        Device.connect(DirectConnection.from_arguments(exporter.host, environ={}), LIMIT_S) as device,
    ):
        device.open_consoles()
        yield states_of(device)


def _first_start() -> float:
    with _board() as states:
        return _seconds(lambda: states.ensure("bootloader", LIMIT_S))


def _cold_start(states: DeviceStates) -> float:
    states.ensure("off", LIMIT_S)
    return _seconds(lambda: states.ensure("bootloader", LIMIT_S))


def _seconds(do: Callable[[], object]) -> float:
    begin = time.perf_counter()
    do()
    return time.perf_counter() - begin


def _ours(values: list[float]) -> dict[str, float]:
    return {"ours": statistics.median(values)}
