"""Boot loaders of vendors: what is typed at their prompts, and what is told of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.board import find_board
from JumpstarterLibrary.client.boot.interrupt import interrupt_boot
from JumpstarterLibrary.client.boot.states import DeviceStates, states_of
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.boot.variables import get_variable, set_variable
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import BootFailed, CommandFailed, LoginFailed
from utest.client.boot.conftest import Line
from utest.client.serial_port import Port

LIMIT_S = 20.0
VERSION = {"version": ("U-Boot 1.1.4 (Apr 19 2014 - 00:17:22)\n", 0)}
COUNTING = "\nU-Boot 1.1.4 (Apr 19 2014 - 00:17:22)\n\nDRAM: 64 MB\nHit any key to stop autoboot:  4 "

pytestmark = pytest.mark.usefixtures("skipping")


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


# What waits at a prompt

NAMED = {
    "=> ": "U-Boot",
    "U-Boot> ": "U-Boot",
    "MX6UL_VAR_DART(nand)==> ": "U-Boot",
    "Marvell>> ": "U-Boot",
    "TEGRA210 (P3450-0000) # ": "U-Boot",
    "Colibri iMX6 # ": "U-Boot",
    "ZynqMP> ": "U-Boot",
    "ar7240> ": "U-Boot",
    "gxl_p212_v1#": "U-Boot",
    "axg_s400_v1#": "U-Boot",
    "kvim3#": "U-Boot",
    "hikey960# ": "U-Boot",
    "anyka$ ": "U-Boot",
    "(IPQ40xx) # ": "U-Boot",
    "DANUBE # ": "U-Boot",
    "ap143-2.0> ": "U-Boot",
    "<RealTek>": "Realtek's boot loader",
    "OpenIPC # ": "U-Boot",
    "barebox@board:/ ": "Barebox",
    "grub> ": "GRUB",
    "Shell> ": "UEFI shell",
    "FS0:\\EFI> ": "UEFI shell",
    "CFE> ": "CFE",
    "RedBoot> ": "RedBoot",
    "PMON> ": "PMON",
}
UNNAMED = ["board # ", "# ", "router> ", "$ ", "gizmo[1]> ", "ok "]
"""Prompts that may be a shell's or a boot loader's."""
BEHIND = ["", "erase al"]


def no_wrapper(line: Line) -> None:
    """Check that nothing was entered that could do harm: no empty line, no command of a test's."""
    assert all(each == "#" or each.startswith('echo JMP""') for each in line.ran), line.ran
    assert sum(each.startswith("echo") for each in line.ran) <= 1


@pytest.mark.parametrize("typed", BEHIND)
@pytest.mark.parametrize(("prompt", "name"), NAMED.items())
def test_a_boot_loader_is_named_and_gets_nothing(
    device: Device, port: Port, states: DeviceStates, prompt: str, name: str, typed: str, eventually: Any
) -> None:
    port.answer = line = Line(prompt=prompt)
    set_prompt(states, "another>")
    shows(port, device, f"\nDRAM: 1 GiB\n{prompt}{typed}", eventually)
    console, shown = device.console(), f"{prompt}{typed}".strip()
    assert states.get(LIMIT_S) == (
        "unknown",
        f"the boot loader {name} waits with the prompt '{shown}', and the prompt that is set for the board is "
        "'another>'",
    )
    with pytest.raises(CommandFailed) as failed:
        run_command(console, "uname", LIMIT_S)
    assert str(failed.value) == (
        f"Command 'uname' was not run: a boot loader waits on console 'console' ('{shown}'). Boot the system first, "
        "for example with ensure('shell') of the device's states."
    )
    with pytest.raises(LoginFailed) as refused:
        log_in(console, "root", timeout=LIMIT_S)
    assert str(refused.value) == (
        f"There is no login on console 'console': a boot loader waits there with the prompt '{shown}'. Boot the system "
        "first, for example with ensure('shell') of the device's states."
    )
    assert port.got == b""
    assert line.ran == []


@pytest.mark.parametrize("hush", [True, False], ids=["hush", "simple"])
@pytest.mark.parametrize("prompt", UNNAMED)
def test_what_may_be_a_boot_loader_is_told_apart_by_an_echo(
    device: Device, port: Port, states: DeviceStates, prompt: str, hush: bool, eventually: Any
) -> None:
    port.answer = line = Line(prompt=prompt, hush=hush, echo_command=hush)
    shows(port, device, f"\nDRAM: 1 GiB\n{prompt}", eventually)
    with pytest.raises(CommandFailed) as failed:
        run_command(device.console(), "uname", LIMIT_S)
    assert re.fullmatch(
        r"Command 'uname' was not run: what waits on console 'console' with the prompt '.*' is no shell: an echo that "
        r"was typed there was answered with '.*'\. If it is a boot loader, set its prompt, with configure\(\) of the "
        r"device's states\.",
        str(failed.value),
    )
    no_wrapper(line)
    line.ran.clear()
    with pytest.raises(LoginFailed, match=r" with the prompt '.*' is no shell: .* If it is a boot loader, set its "):
        log_in(device.console(), "root", timeout=LIMIT_S)
    no_wrapper(line)
    line.ran.clear()
    state, reason = states.get(LIMIT_S)
    assert (state, reason.partition(" is no shell: ")[0]) == (
        "unknown",
        f"what waits on console 'console' with the prompt '{prompt.strip()}'",
    )
    no_wrapper(line)
    set_prompt(states, prompt.strip())
    assert states.get(LIMIT_S) == ("bootloader", "")
    assert interrupt_boot(states.board, timeout=LIMIT_S) < LIMIT_S
    assert not any(each.startswith("echo") for each in line.ran[2:])


@pytest.mark.parametrize("hush", [True, False], ids=["hush", "simple"])
def test_a_boot_loader_that_was_never_heard_gets_no_empty_line(device: Device, port: Port, hush: bool) -> None:
    port.answer = line = Line(hush=hush)
    with pytest.raises(CommandFailed, match=r"^Command 'uname' was not run: a boot loader waits on console 'console' "):
        run_command(device.console(), "uname", LIMIT_S)
    assert line.ran == ["#"]


def test_a_login_at_a_boot_loader_that_was_never_heard_types_no_empty_line(device: Device, port: Port) -> None:
    port.answer = line = Line()
    with pytest.raises(LoginFailed, match=r"a boot loader waits there with the prompt '=>'\."):
        log_in(device.console(), "root", timeout=LIMIT_S)
    assert line.ran == ["#"]


def test_what_trusted_firmware_says_before_a_prompt_is_no_countdown(
    device: Device, port: Port, states: DeviceStates, eventually: Any
) -> None:
    firmware = (
        "NOTICE:  BL1: Booting BL2\nNOTICE:  BL31: v2.9(release)\nI/TC: OP-TEE version: 3.20\nD/TC:0 0 init_primary\n"
        "U-Boot 2026.01\n\nHit any key to stop autoboot:  0 \n=> "
    )
    port.answer = line = Line()
    shows(port, device, firmware, eventually)
    assert states.get(LIMIT_S) == ("bootloader", "")
    assert interrupt_boot(states.board, timeout=LIMIT_S) < LIMIT_S
    assert line.ran == ["#", "#"]


def test_another_prompt_than_the_boards_is_named_where_a_boot_is_stopped(
    device: Device, port: Port, states: DeviceStates, skipping: MovableClock, eventually: Any
) -> None:
    device.client.power.on()
    line = Line(prompt="U-Boot> ")
    port.answer = lambda data: b"\r\nU-Boot> " if data == b" " and not line.ran else line(data)
    shows(port, device, COUNTING, eventually)
    with pytest.raises(BootFailed) as caught:
        interrupt_boot(states.board, timeout=LIMIT_S)
    assert str(caught.value).startswith(
        "The boot on console 'console' was not stopped within 20 seconds. The boot loader U-Boot waits with the prompt "
        "'U-Boot>', and the prompt that is set for the board is '=>'. The last lines were:\n"
    )
    assert str(caught.value).endswith(
        "\nIf it is a boot loader, set its prompt, with configure() of the device's states."
    )
    assert skipping.seconds() < 7
    assert line.ran == []


def test_a_board_without_power_at_another_prompt_is_told_what_to_set(
    port: Port, device_with: Callable[..., Device], eventually: Any
) -> None:
    device = device_with({"console": port})
    port.watch(device.console())
    shows(port, device, "U-Boot> ", eventually)
    with pytest.raises(BootFailed) as caught:
        states_of(device).ensure("bootloader", LIMIT_S)
    assert str(caught.value) == (
        "No way leads from state 'unknown' (the boot loader U-Boot waits with the prompt 'U-Boot>', and the prompt "
        "that is set for the board is '=>') to 'bootloader' on console 'console'. There is no power driver to start "
        "anew with. The last lines were:\n  U-Boot> \nIf it is a boot loader, set its prompt, with configure() of the "
        "device's states."
    )
    assert port.got == b""
