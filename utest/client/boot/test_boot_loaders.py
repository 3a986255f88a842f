"""Boot loaders of vendors: what is typed at their prompts, and what is told of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.board import find_board
from JumpstarterLibrary.client.boot.interrupt import interrupt_boot
from JumpstarterLibrary.client.boot.states import DeviceStates, states_of
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.boot.variables import get_variable, set_variable
from JumpstarterLibrary.errors import CommandFailed
from utest.client.boot.conftest import Line
from utest.client.serial_port import Port

LIMIT_S = 20.0
VERSION = {"version": ("U-Boot 1.1.4 (Apr 19 2014 - 00:17:22)\n", 0)}
COUNTING = "\nU-Boot 1.1.4 (Apr 19 2014 - 00:17:22)\n\nDRAM: 64 MB\nHit any key to stop autoboot:  4 "

pytestmark = pytest.mark.usefixtures("skipping")


@pytest.fixture
def states(device: Device) -> DeviceStates:
    return states_of(device)


def set_prompt(states: DeviceStates, prompt: str) -> None:
    states.configure(dataclasses.replace(states.settings, prompt=prompt))


def shows(port: Port, device: Device, text: str, eventually: Any) -> None:
    """Let the port say something, and wait until it is there."""
    port.say(text.encode())
    eventually(lambda: device.console().text(0).endswith(text))


# U-Boots of many kinds


@pytest.mark.parametrize(
    "kind",
    [
        {"hush": False},
        {"hush": False, "echo_command": False},
        {"enter": "\r"},
        {"enter": "\r", "hush": False},
        {"line_end": "\r\r\n"},
        {"line_end": "\r\n", "blank": " \n"},
        {"line_end": "\r\n", "blank": "\n", "hush": False},
        {"prompt": "\x1b[1;32m=>\x1b[0m "},
    ],
    ids=str,
)
@pytest.mark.parametrize("waits", [True, False], ids=["heard", "unheard"])
def test_commands_and_states_at_any_uboot(
    device: Device, port: Port, states: DeviceStates, kind: dict[str, Any], waits: bool, eventually: Any
) -> None:
    port.answer = line = Line(VERSION, **kind)
    if waits:
        shows(port, device, "=> ", eventually)
    assert interrupt_boot(states.board, timeout=LIMIT_S) < LIMIT_S
    assert states.get(LIMIT_S) == ("bootloader", "")
    states.ensure("bootloader", LIMIT_S)
    uboot = UBoot(device.console(), "=>")
    result = uboot.run("version", LIMIT_S)
    assert result.stdout == "U-Boot 1.1.4 (Apr 19 2014 - 00:17:22)"
    assert result.status == (None if kind.get("hush") is False else 0)
    assert uboot.run("nonsense", LIMIT_S).status == 1
    assert set(line.ran) - {"#", "", "version", "nonsense"} == {each for each in line.ran if each.startswith("echo JM")}
    # An empty line comes behind a comment only, of which there is nothing to repeat.
    assert all(line.ran[number - 1] == "#" for number, each in enumerate(line.ran) if not each)


def test_the_line_end_that_a_board_takes_is_remembered(port: Port, states: DeviceStates, device: Device) -> None:
    port.answer = Line(VERSION, enter="\r")
    assert states.get(LIMIT_S) == ("bootloader", "")
    assert port.got == b"\x15#\n\r"
    assert device.console().line_end == b"\r"
    typed = len(port.got)
    assert states.get(LIMIT_S) == ("bootloader", "")
    assert port.got[typed:] == b"\x15#\r"


@pytest.mark.parametrize("prompt", ["ar7240> ", "=> "])
def test_an_old_uboot_is_stopped(
    device: Device, port: Port, states: DeviceStates, prompt: str, eventually: Any
) -> None:
    set_prompt(states, prompt.strip())
    device.client.power.on()
    line = Line(VERSION, prompt=prompt, hush=False)
    port.answer = lambda data: f"\r\n{prompt}".encode() if data == b" " else line(data)
    shows(port, device, COUNTING, eventually)
    assert interrupt_boot(find_board(device, prompt=prompt.strip()), timeout=LIMIT_S) < LIMIT_S
    assert line.ran == ["#"]
    assert states.get(LIMIT_S) == ("bootloader", "")


def test_a_variable_of_an_old_uboot(device: Device, port: Port) -> None:
    port.answer = Line({"setenv a 'b'": ("", 0), "printenv a": ("a=b\n", 0)}, hush=False)
    uboot = UBoot(device.console(), "=>")
    set_variable(uboot, "a", "b", LIMIT_S)
    assert get_variable(uboot, "a", LIMIT_S) == "b"
    with pytest.raises(CommandFailed) as caught:
        uboot.checked("nonsense", LIMIT_S)
    assert str(caught.value) == (
        "U-Boot's command 'nonsense' ended with status 1, not 0. It printed:\n  Unknown command 'nonsense' - try 'help'"
    )
