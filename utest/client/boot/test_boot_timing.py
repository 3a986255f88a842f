"""Each time limit and pause of a device, given by its timing, and what it changes."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device, Timing
from JumpstarterLibrary.client.boot.board import find_board
from JumpstarterLibrary.client.boot.builtin_transitions import builtin_states, builtin_transitions
from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.interrupt import interrupt_boot
from JumpstarterLibrary.client.boot.starting import boot_from_uboot, died
from JumpstarterLibrary.client.boot.states import states_of
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.boot.variables import get_variable, run_dhcp
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.client.consoles.keyboard import TypingOptions, type_text
from JumpstarterLibrary.client.consoles.recording import Recording
from JumpstarterLibrary.client.consoles.screen import LastLines
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.client.stream import FRAME
from JumpstarterLibrary.errors import (
    BootFailed,
    CommandFailed,
    DeviceCrashed,
    FaultClass,
    LoginFailed,
    OperationTimeout,
)
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.hints import Hint
from utest.client.boot.conftest import Line
from utest.client.serial_port import Port

FAR = 7 * 24 * 3600.0
"""Longer than any limit here; only the clock gets there."""


@pytest.fixture
def skipped(frozen_clock: MovableClock) -> Iterator[MovableClock]:
    """A clock on which each wait takes its whole time, and none of the test's."""
    with frozen_clock.skipping():
        yield frozen_clock


@pytest.fixture
def silent(device: Device, monkeypatch: pytest.MonkeyPatch, skipped: MovableClock) -> list[tuple[float, bytes]]:
    """What is typed on a console that says nothing, and when."""
    typed: list[tuple[float, bytes]] = []

    def write(_console: Console, data: bytes, *_: Any, **__: Any) -> None:
        typed.append((skipped.seconds(), data))

    monkeypatch.setattr(Console, "write", write)
    return typed


def shows(port: Port, device: Device, text: str, eventually: Any) -> Console:
    """Let a console show a text."""
    console = device.console()
    end = console.end
    port.say(text.encode())
    eventually(lambda: console.end == end + len(text))
    return console


# What is typed


def test_write_timeout(port: Port, device: Device, skipped: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def take(_: bytes) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(port, "take", take)
    device.timing = Timing(write_timeout=420.0)
    with pytest.raises(OperationTimeout, match=r"^The far side of the byte stream took no data for 7 minutes\.$"):
        device.console().write(b"x" * 16 * FRAME)


def test_char_delay(device: Device, skipped: MovableClock) -> None:
    device.timing = Timing(char_delay=7.0)
    device.console().write(b"abcd")
    assert skipped.seconds() == 21.0
    device.console().write(b"abcd", delay=0.0)
    assert skipped.seconds() == 21.0


def test_char_delay_is_for_all_that_is_typed(
    port: Port, device: Device, monkeypatch: pytest.MonkeyPatch, clock: MovableClock
) -> None:
    port.answer = Line()
    device.timing = Timing(char_delay=0.001)
    delays: list[float] = []
    original = Recording.send

    def send(self: Recording, *arguments: Any, delay: float, **options: Any) -> None:
        delays.append(delay)
        original(self, *arguments, delay=delay, **options)

    monkeypatch.setattr(Recording, "send", send)
    UBoot(device.console(), "=>").run("version")
    type_text(device.console(), "x", TypingOptions(), timeout=FAR)
    assert set(delays) == {0.001}


@pytest.mark.parametrize("length", [0.5, 420.0])
def test_echo_timeout(silent: Any, device: Device, length: float) -> None:
    device.timing = Timing(echo_timeout=length)
    assert not type_text(device.console(), "reboot", TypingOptions(), timeout=FAR)
    assert silent == [(0.0, b"reboot"), (length, b"\n")]


def test_echo_timeout_of_uboot(port: Port, device: Device, clock: MovableClock) -> None:
    line = Line()

    def late(data: bytes) -> bytes:
        if data == b"version":
            clock.advance(100.0)
        return line(data)

    port.answer = late
    device.timing = Timing(echo_timeout=420.0)
    UBoot(device.console(), "=>").run("version", FAR)
    assert port.got.count(b"version") == 1


# When the end of the output counts


def test_prompt_settle(port: Port, device: Device, skipped: MovableClock, eventually: Any) -> None:
    device.timing = Timing(prompt_settle=420.0)
    console = shows(port, device, "board login: ", eventually)
    assert LastLines(console).settled(Deadline(FAR)) == "board login: "
    assert skipped.seconds() == 420.0
    console.wait_for("regexp:login.*", FAR)
    assert skipped.seconds() == 560.0  # and a third of it for a match at the very end


def test_prompt_settle_of_a_console_that_never_pauses(device: Device) -> None:
    assert (Timing().settle_limit, Timing(prompt_settle=2.0).settle_limit) == (1.0, 8.0)


# Nudges


@pytest.mark.parametrize("length", [1.2, 420.0])
def test_nudge_delay(silent: Any, device: Device, length: float) -> None:
    device.timing = Timing(nudge_delay=length)
    with pytest.raises(LoginFailed):
        log_in(device.console(), "root", timeout=1000.0)
    settle = device.timing.prompt_settle
    assert silent[0] == (pytest.approx(settle + length), b"\x15#\n")


def test_nudge_delay_of_the_look_for_a_state(silent: Any, device: Device) -> None:
    device.timing = Timing(nudge_delay=420.0)
    states_of(device).get(FAR)
    assert silent[0] == (pytest.approx(420.15), b"\x15#\n")


def test_answer_timeout(silent: Any, device: Device) -> None:
    device.timing = Timing(answer_timeout=420.0)
    assert states_of(device).get(FAR) == ("unknown", "it did not answer in 7 minutes")


def test_answer_timeout_of_a_shell(silent: Any, device: Device) -> None:
    device.timing = Timing(answer_timeout=420.0)
    with pytest.raises(CommandFailed, match="found no shell on console 'console' within 1000 seconds"):
        run_command(device.console(), "true", 1000.0)
    begins = [at for at, data in silent if b"eval 'true'" in data]
    assert len(begins) == 3
    assert begins[1] - begins[0] > 420.0


def test_probe_timeout(silent: Any, device: Device, skipped: MovableClock) -> None:
    device.timing = Timing(probe_timeout=420.0)
    states = states_of(device)
    shell = next(state for state in builtin_states("=>") if state.name == "shell")
    assert not shell.probe(Context(states.board, states.settings, Deadline(FAR)))
    assert skipped.seconds() == pytest.approx(420.0, abs=10.0)


# Commands and logins


def test_command_timeout(silent: Any, device: Device) -> None:
    device.timing = Timing(command_timeout=420.0)
    with pytest.raises(CommandFailed, match=r"found no shell on console 'console' within 7 minutes\.") as caught:
        run_command(device.console(), "true")
    assert (caught.value.fault, caught.value.hints) == (FaultClass.UNKNOWN, (Hint.CHECK_LOGIN,))


def test_login_timeout(silent: Any, device: Device) -> None:
    device.timing = Timing(login_timeout=420.0)
    with pytest.raises(LoginFailed, match=r"^No login on console 'console' within 7 minutes\.") as caught:
        log_in(device.console(), "root")
    assert (caught.value.fault, caught.value.hints) == (FaultClass.UNKNOWN, (Hint.CHECK_POWER,))


# The boot loader


def test_uboot_prompt_timeout(silent: Any, device: Device) -> None:
    device.timing = Timing(uboot_prompt_timeout=420.0)
    with pytest.raises(CommandFailed, match=r"^There is no U-Boot prompt '=>' on console 'console' within 7 minutes\."):
        UBoot(device.console(), "=>").wake()


def test_uboot_prompt_timeout_of_a_boot_that_goes_on(port: Port, device: Device, clock: MovableClock) -> None:
    device.timing = Timing(uboot_prompt_timeout=420.0)
    device.client.power.on()
    port.say(b"Hit any key to stop autoboot:  2 ")
    pieces = iter([b"\b\b\b 0 \r\n", b"scanning bus for devices...\r\n"])

    def answers(_: bytes) -> bytes:
        if piece := next(pieces, b""):
            return piece
        clock.advance(10.0)
        return b""

    port.answer = answers
    begin = clock.seconds()
    with pytest.raises(BootFailed, match=r"It went on before it took the key\. "):
        interrupt_boot(find_board(device), timeout=FAR)
    assert clock.seconds() - begin > 420.0


@pytest.mark.parametrize(
    "run",
    [lambda uboot: uboot.run("sleep 1"), lambda uboot: get_variable(uboot, "bootdelay"), run_dhcp],
    ids=["command", "variable", "dhcp"],
)
def test_uboot_command_timeout(port: Port, device: Device, clock: MovableClock, run: Callable[[UBoot], object]) -> None:
    line = Line()

    def busy(data: bytes) -> bytes:
        if data == b"\n":
            clock.advance(FAR)
            return b"\r\n"
        return line(data)

    port.answer = busy
    device.timing = Timing(uboot_command_timeout=420.0)
    with pytest.raises(CommandFailed, match=r"did not finish within 7 minutes and was interrupted\. "):
        run(UBoot(device.console(), "=>"))


def test_interrupt_timeout(silent: Any, device: Device) -> None:
    device.timing = Timing(interrupt_timeout=420.0)
    with pytest.raises(BootFailed, match=r"^The boot on console 'console' was not stopped within 7 minutes\. "):
        interrupt_boot(find_board(device))


# The boot


def test_boot_timeout(port: Port, device: Device, clock: MovableClock) -> None:
    line = Line()

    def slow(data: bytes) -> bytes:
        if data == b"\n":
            clock.advance(FAR)
            return b"\r\nStarting kernel ...\r\n"
        return line(data)

    port.answer = slow
    device.timing = Timing(boot_timeout=420.0)
    with pytest.raises(BootFailed, match=r"^There was no sign of a login or a shell on .* within 7 minutes\."):
        boot_from_uboot(find_board(device))


def test_the_limits_of_the_ways_between_states(device: Device) -> None:
    device.timing = Timing(interrupt_timeout=1.0, boot_timeout=8.0, login_timeout=3.0, command_timeout=5.0)
    states = states_of(device)
    limits = {
        str(way): way.timeout for way in builtin_transitions(Context(states.board, states.settings, Deadline(FAR)))
    }
    assert limits == {
        "'bootloader' to 'login'": 8.0,
        "'login' to 'shell'": 3.0,
        "'press-enter' to 'shell'": 3.0,
        "'shell' to 'login'": 5.0,
        "'starting' to 'bootloader'": 1.0,
        "'booting' to 'login'": 4.0,
        "'starting' to 'login'": 8.0,
        "'any' to 'off'": 60.0,
        "'off' to 'bootloader'": 1.0,
        "'off' to 'login'": 8.0,
    }


def test_boot_silence_of_a_login(silent: Any, device: Device, skipped: MovableClock) -> None:
    device.timing = Timing(boot_silence=420.0)
    device.client.power.on()
    with pytest.raises(LoginFailed):
        log_in(device.console(), "root", timeout=1000.0)
    assert silent[0] == (pytest.approx(420.15), b"\x15#\n")


def test_boot_silence_of_a_board_that_was_switched_on(silent: Any, device: Device) -> None:
    device.timing = Timing(boot_silence=420.0, boot_timeout=FAR, state_timeout=FAR)
    states = states_of(device)
    device.client.power.on()
    assert states.get() == ("unknown", "it is on its way through its firmware")
    with pytest.raises(BootFailed):
        states.ensure("shell", 500.0)
    assert silent[0][0] >= 420.0


def test_state_timeout(silent: Any, device: Device) -> None:
    device.timing = Timing(state_timeout=25.0, power_off_time=0.0)
    with pytest.raises(BootFailed, match=r"was not stopped within 25 seconds\. "):
        states_of(device).ensure("bootloader")


# Power


def test_power_off_time(device: Device, skipped: MovableClock) -> None:
    device.client.power.cycle()
    assert skipped.seconds() == 2.0
    device.timing = Timing(power_off_time=420.0)
    device.client.power.cycle()
    assert skipped.seconds() == 422.0
    device.client.power.cycle(1.0)
    assert skipped.seconds() == 423.0


def test_power_off_time_of_a_change_of_state(device: Device, skipped: MovableClock) -> None:
    board = find_board(device)
    for timing, length in ((Timing(), 2.0), (Timing(power_off_time=420.0), 420.0)):
        device.timing = timing
        board.supply.switch_off(Deadline(FAR))
        begin = skipped.seconds()
        board.supply.rest()
        assert skipped.seconds() - begin == length


def test_power_off_time_of_an_emulator(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    supply = find_board(device).supply
    monkeypatch.setattr(device.root, "label", "jumpstarter_driver_qemu.client.QemuClient")
    assert supply.off_time == 0.0
    device.timing = Timing(power_off_time=2.0)
    assert find_board(device).supply.off_time == 2.0


# Traces


def test_trace_silence(port: Port, device: Device, skipped: MovableClock, eventually: Any) -> None:
    device.timing = Timing(trace_silence=42.0)
    console = device.console()
    console.fail_on("panic", [FailingPattern.of("panic")])
    shows(port, device, "panic\n", eventually)
    with pytest.raises(DeviceCrashed):
        console.check()
    assert skipped.seconds() == 42.0


def test_trace_silence_of_a_boot(port: Port, device: Device, skipped: MovableClock, eventually: Any) -> None:
    device.timing = Timing(trace_silence=42.0)
    shows(port, device, "Kernel panic - not syncing\n", eventually)
    assert "died" in str(died(find_board(device), 0))
    assert skipped.seconds() == 42.0


def test_a_timing_counts_from_its_change_on(silent: Any, device: Device, skipped: MovableClock) -> None:
    for length in (1.0, 3.0):
        device.timing = dataclasses.replace(device.timing, echo_timeout=length)
        begin = skipped.seconds()
        type_text(device.console(), "x", TypingOptions(), timeout=FAR)
        assert skipped.seconds() - begin == length


def test_a_boards_own_timing_counts_for_its_console_and_its_power(
    device_with: Callable[..., Device], silent: Any, skipped: MovableClock
) -> None:
    boards = {name: Composite(children={"console": Port(), "power": MockPower()}) for name in ("a", "b")}
    device = device_with(boards)
    device.set_timing(
        Timing(power_off_time=5.0, echo_timeout=5.0), device.driver("a.console"), device.driver("a.power")
    )
    for name, power, echo in (("a", 5.0, 5.0), ("b", 2.0, 0.5)):
        begin = skipped.seconds()
        device.driver(name).power.cycle()
        assert skipped.seconds() - begin == power
        type_text(device.console(f"{name}.console"), "x", TypingOptions(), timeout=FAR)
        assert skipped.seconds() - begin == power + echo
