"""Stopping the boot: when keys are pressed, and when not. What goes right is in atest/17."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.board import find_board
from JumpstarterLibrary.client.boot.interrupt import Interruption, interrupt_boot
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.errors import AmbiguousDriver, BootFailed
from JumpstarterLibrary.exporter.drivers.power import MockPower
from utest.client.boot.conftest import Line
from utest.client.serial_port import Port, all_at_rest

LIMIT_S = 10.0

pytestmark = pytest.mark.usefixtures("skipping")

COUNTING = b"U-Boot 2026.01\r\n\r\nHit any key to stop autoboot:  2 "


@pytest.mark.parametrize("already", [True, False])
def test_nothing_is_typed_before_it_is_time(
    device: Device, port: Port, skipping: MovableClock, eventually: Any, already: bool
) -> None:
    device.client.power.on()
    skipping.call_later(1.0, lambda: port.say(b"U-Boot SPL 2026.01\r\n"))
    if already:
        skipping.advance(1.0)
        eventually(all_at_rest)
    with pytest.raises(BootFailed) as caught:
        interrupt_boot(find_board(device), timeout=LIMIT_S)
    assert port.got == b""
    assert str(caught.value) == (
        "The boot on console 'console' was not stopped within 10 seconds. There was no prompt '=>'. It never "
        "said 'regexp:(?i)autoboot', so that no key was pressed. The last lines were:\n  U-Boot SPL 2026.01"
    )


def test_the_key_is_pressed_at_its_interval(device: Device, port: Port, skipping: MovableClock) -> None:
    pressed: list[tuple[bytes, float]] = []

    def answer(data: bytes) -> bytes:
        pressed.append((data, skipping.seconds()))
        return b""

    device.client.power.on()
    port.say(COUNTING)
    port.answer = answer
    with pytest.raises(BootFailed, match=r"^The boot on console 'console' was not stopped within 1\.1 seconds\. "):
        interrupt_boot(find_board(device), Interruption(b"s", interval=0.25), 1.1)
    assert pressed == [(b"s", 0.0), (b"s", 0.25), (b"s", 0.5), (b"s", 0.75), (b"s", 1.0)]


def test_without_a_pattern_the_key_is_pressed_from_the_beginning_on(device: Device, port: Port) -> None:
    device.client.power.on()
    line = Line()

    def answers(data: bytes) -> bytes:
        if data == b"s":
            return b"\r\n=> " if len(port.got) >= 3 else b""
        return line(data)

    port.answer = answers
    assert interrupt_boot(find_board(device), Interruption(b"s", "", 0.5), LIMIT_S) == 1.0
    assert port.got == b"sss\x15#\n"


def test_a_kernel_that_starts_all_the_same_ends_it_at_once(device: Device, port: Port, skipping: MovableClock) -> None:
    device.client.power.on()
    port.say(COUNTING)
    port.answer = lambda _: b"\b\b\b 0 \r\n\r\nStarting kernel ...\r\n\r\n"
    with pytest.raises(
        BootFailed, match=r"within 10 seconds\. The kernel was started before it took the key\. A board "
    ):
        interrupt_boot(find_board(device), timeout=LIMIT_S)
    assert skipping.seconds() < 2


def test_a_boot_that_goes_on_ends_it_soon(device: Device, port: Port) -> None:
    device.client.power.on()
    port.say(COUNTING)
    pieces = iter([b"\b\b\b 0 \r\n", b"scanning bus for devices...\r\n"])
    port.answer = lambda _: next(pieces, b"")
    with pytest.raises(BootFailed, match=r"within 10 seconds\. It went on before it took the key\. "):
        interrupt_boot(find_board(device), timeout=LIMIT_S)


def test_what_an_earlier_boot_has_said_is_over(device: Device, port: Port, eventually: Any) -> None:
    device.client.power.on()
    board = find_board(device)
    said = COUNTING + b"0\r\nStarting kernel ...\r\nvirtual login: reboot: Restarting system\r\n"
    port.say(said)
    eventually(lambda: "Restarting" in device.console().text(0))
    with pytest.raises(BootFailed, match=r"It never said 'regexp:\(\?i\)autoboot', so that no key was pressed\."):
        interrupt_boot(board, timeout=LIMIT_S)
    assert port.got == b""


def test_what_the_caller_has_waited_for_counts(device: Device, port: Port) -> None:
    device.client.power.on()
    port.say(COUNTING)
    device.console().wait_for("autoboot", LIMIT_S)
    line = Line()
    port.answer = lambda data: b"\r\n=> " if data == b" " else line(data)
    assert interrupt_boot(find_board(device), timeout=LIMIT_S) < 2


def test_an_open_quote_is_closed(device: Device, port: Port, eventually: Any) -> None:
    line = Line()

    def answers(data: bytes) -> bytes:
        return b"<INTERRUPT>\r\n=> " + line(data[1:]) if data[:1] == b"\x03" else b"#\r\n> "

    port.answer = answers
    device.client.power.on()
    port.say(b"=> echo 'a\r\n> ")
    eventually(lambda: device.console().text(0).endswith("> "))
    assert interrupt_boot(find_board(device), timeout=LIMIT_S) < 2
    assert port.got == b"\x03\x15#\n"


def test_a_board_that_nobody_switched_is_switched_on(virtual: Callable[..., Device]) -> None:
    device = virtual(bootdelay=100)
    assert interrupt_boot(find_board(device), timeout=LIMIT_S) < 5
    device.client.board.power.off()
    assert interrupt_boot(find_board(device), timeout=LIMIT_S) < 5


def test_a_board_that_runs_already_is_not_switched(device: Device, port: Port) -> None:
    with pytest.raises(BootFailed, match=r"^The boot on console 'console' was not stopped within 10 seconds\. "):
        interrupt_boot(find_board(device), timeout=LIMIT_S, switch_on=False)
    assert find_board(device).supply.on is None


def test_what_comes_late_from_a_board_that_is_off_is_no_boot(device: Device, port: Port, eventually: Any) -> None:
    device.client.power.off()
    board = find_board(device)
    port.say(b"the end of a line\r\n")
    eventually(lambda: board.screen.spoke)
    with pytest.raises(BootFailed):
        interrupt_boot(board, timeout=LIMIT_S)
    assert board.supply.on is True


def test_a_silent_board_of_which_nobody_knows_the_power(device_with: Callable[..., Device]) -> None:
    port = Port()
    device = device_with({"console": port, "left": MockPower(), "right": MockPower()})
    port.watch(device.console())
    board = find_board(device)
    with pytest.raises(AmbiguousDriver, match=r"has several power drivers: left, right\. Say which with power=\.$"):
        interrupt_boot(board, timeout=LIMIT_S)
    device.client.left.on()  # somebody knows
    with pytest.raises(BootFailed):
        interrupt_boot(board, timeout=LIMIT_S)
