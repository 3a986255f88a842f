"""The state in which a board was seen last: what makes it unknown, and how that is told."""

from __future__ import annotations

from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.state_cache import StateCache
from JumpstarterLibrary.client.boot.states import DeviceStates
from utest.client.serial_port import Port


@pytest.mark.parametrize(
    ("said", "state", "reason"),
    [
        ("root@board:~# ls\nusb 1-1: new device\n", "shell", ""),
        ("U-Boot 2026.01 (Jan 05 2026)\n", "unknown", "the console said 'U-Boot 2026.01 (Jan 05 2026)'"),
        (
            "\u0130\u0130\nHit any key to stop autoboot:  3",
            "unknown",
            "the console said 'Hit any key to stop autoboot:  3'",
        ),
        (
            "[    9.0] Kernel panic - not syncing: x\n",
            "unknown",
            "the console said '[    9.0] Kernel panic - not syncing: x'",
        ),
        ("[gap 2.5 s]\n", "unknown", "the link was lost for a while"),
        ("Linux version 6.1 hunter2-secret\n", "unknown", "the console said 'Linux version 6.1 ********'"),
    ],
)
def test_what_a_console_says_makes_a_state_unknown(
    port: Port, device: Device, states: DeviceStates, said: str, state: str, reason: str, eventually: Any
) -> None:
    console = device.console()
    console.write(b"hunter2-secret\n", secret=True)
    cache = StateCache(states.board)
    cache.learn("shell")
    port.say(said.encode())
    eventually(lambda: console.text(0).endswith(said))
    assert (cache.state, cache.reason) == (state, reason)
