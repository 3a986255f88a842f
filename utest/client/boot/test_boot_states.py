"""States: what is typed while they are looked for, what makes them old, and what is remembered of failures."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device, Timing
from JumpstarterLibrary.client.boot import builtin_transitions
from JumpstarterLibrary.client.boot.board_power import BoardPower
from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.detecting import last_phase
from JumpstarterLibrary.client.boot.files import read_states, user_state
from JumpstarterLibrary.client.boot.model import BUILTIN, TransitionRule
from JumpstarterLibrary.client.boot.starting import SYSTEM_STATES, await_state, died
from JumpstarterLibrary.client.boot.states import DeviceStates, states_of
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.boot.variables import set_variable
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.client.consoles.prompts import PromptSettings
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.events import Event, Notice
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import (
    BootFailed,
    CommandFailed,
    ConfigurationError,
    DriverError,
    FaultClass,
    LoginFailed,
    OperationTimeout,
    StateBroken,
    StateMismatch,
    UsageError,
)
from JumpstarterLibrary.exporter import export
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.hints import Hint
from utest.client.boot.conftest import Line
from utest.client.serial_port import Port, all_at_rest

FIELDS = ", ".join(sorted(field.name for field in dataclasses.fields(Timing)))
LIMIT_S = 20.0

pytestmark = pytest.mark.usefixtures("skipping")


def said(port: Port, states: DeviceStates, text: bytes, eventually: Any) -> None:
    """Let the port say something, and wait until it is there."""
    end = states.board.console.end
    port.say(text)
    eventually(lambda: states.board.console.end >= end + len(text.replace(b"\r", b"")))


class Shell(Line):
    """A shell's side of a line: its commands end with a status.

    Args:
        prompt: What it prompts with.
        statuses: The status by command. Default: 0.
    """

    def __init__(self, prompt: str = "root@board:~# ", statuses: dict[str, int] | None = None) -> None:
        super().__init__(prompt=prompt)
        self._statuses = statuses or {}

    def _run(self, line: str) -> str:
        if found := re.match(r'echo JMP""(\w{8})E:\$\(echo 42\):', line):
            return f"JMP{found[1]}E:42:\n"
        if found := re.match(r""":; \{ \\echo "JMP""(\w{8})B".*?eval '(.*)' && \{""", line):
            return f"JMP{found[1]}B\n\nJMP{found[1]}E:{self._statuses.get(found[2], 0)}:\n"
        return ""


class Riot(Line):
    """RIOT's side of a line."""

    def __init__(self) -> None:
        super().__init__(prompt="> ")

    def _run(self, line: str) -> str:
        return f"shell: command not found: {line.partition(' ')[0]}\n" if line else ""


# Looking


def test_a_prompt_is_nudged_with_a_comment(port: Port, states: DeviceStates, eventually: Any) -> None:
    port.answer = line = Line()
    said(port, states, b"=> mmc era", eventually)
    assert states.get(LIMIT_S) == ("bootloader", "")
    assert (port.got, line.ran) == (b"\x15#\n", ["#"])
    assert states.known == "bootloader"


def test_a_login_is_nudged_with_nothing(port: Port, states: DeviceStates, eventually: Any) -> None:
    said(port, states, b"\r\nvirtual login: [   12.345678] usb 1-1: new device\r\n", eventually)
    port.answer = lambda _: b"\r\nvirtual login: "
    assert states.get(LIMIT_S) == ("login", "")
    assert port.got == b"\x15\n"


def test_a_password_prompt_is_left_alone(port: Port, states: DeviceStates, eventually: Any) -> None:
    said(port, states, b"virtual login: root\r\nPassword: ", eventually)
    assert states.get(LIMIT_S) == ("login", "")
    assert port.got == b""


@pytest.mark.parametrize(
    "text",
    [
        b"U-Boot 2026.01\r\n\r\nHit any key to stop autoboot:  2 ",
        b"Press SPACE to abort autoboot in 9 seconds",
        b"Press SPACE to abort boot in 9 seconds",
        b"Press any key to interrupt boot: 5 ",
        b"Press any key to interrupt boot: 5 [    9.000000] rproc: x\r\n",
        b"U-Boot SPL 2026.01\r\nTrying to boot from SPI\r\n",
        b"[   90.123456] reboot: Restarting system\r\n",
        b"resetting ...\r\n",
        b"NOTICE:  BL2: v2.9(release)\r\n",
    ],
)
def test_nothing_is_typed_at_firmware(port: Port, states: DeviceStates, eventually: Any, text: bytes) -> None:
    said(port, states, b"[    1.000000] running\r\nvirtual login: \r\n" + text, eventually)
    assert states.get(LIMIT_S) == ("unknown", "it is on its way through its firmware")
    assert port.got == b""


def test_nothing_is_typed_at_a_board_that_was_just_switched_on(device: Device, port: Port) -> None:
    states = states_of(device)
    device.client.power.on()
    assert states.get(LIMIT_S) == ("unknown", "it is on its way through its firmware")
    assert port.got == b""


def test_a_silent_board_is_nudged_once(port: Port, states: DeviceStates) -> None:
    assert states.get(LIMIT_S) == ("unknown", "it did not answer in 2 seconds")
    assert port.got == b"\x15#\n"


def test_an_echo_is_no_shell(port: Port, states: DeviceStates, eventually: Any) -> None:
    port.answer = lambda data: data
    assert states.get(LIMIT_S) == ("unknown", "it answered a nudge with '#'")


def test_what_only_looks_like_a_shell_is_none(port: Port, states: DeviceStates, eventually: Any) -> None:
    port.answer = lambda data: data.replace(b"\n", b"\r\nsyntax error\r\nmonitor# ")
    said(port, states, b"monitor# ", eventually)
    state, reason = states.get(LIMIT_S)
    assert state == "unknown"
    assert reason == (
        "what waits on console 'console' with the prompt 'monitor#' is no shell: an echo that was typed there was "
        "answered with 'syntax error'; if it is a boot loader, its prompt has to be set for the board"
    )


def test_a_board_that_talks_all_the_time(port: Port, states: DeviceStates, skipping: MovableClock) -> None:
    def talk() -> None:
        port.say(b"measuring\r\n")
        skipping.call_later(0.1, talk)

    talk()
    state, reason = states.get(LIMIT_S)
    assert state == "unknown"
    assert reason.startswith("its console says things all the time, the last was: '")


def test_a_panic_is_told(port: Port, states: DeviceStates, eventually: Any) -> None:
    said(port, states, b"[    2.000000] Kernel panic - not syncing: no init\r\n", eventually)
    assert states.get(LIMIT_S) == ("unknown", "its kernel has panicked")
    assert port.got == b""


def test_a_typed_secret_is_in_no_evidence(port: Port, device: Device, states: DeviceStates, eventually: Any) -> None:
    console = device.console()
    console.write(b"hunter2-secret\n", secret=True)
    said(port, states, b"hunter2-secret\r\nhunter2-secret: not found\r\nmeasuring", eventually)
    with pytest.raises(StateMismatch) as caught:
        states.should_be("login", LIMIT_S)
    assert "********: not found" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    port.say(b"\r\nhunter2-secret\r\n[    2.000000] Kernel panic - not syncing: no init\r\n")
    error = died(states.board, 0)
    assert "********" in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("", "unknown"),
        ("hello", "unknown"),
        ("U-Boot 2026.01\nHit any key to stop autoboot:  2 ", "starting"),
        ("Hit any key to stop autoboot:  0 \n", "starting"),
        ("Hit any key to stop autoboot:  0 \nscanning bus", "booting"),
        ("U-Boot 2026.01\nStarting kernel ...\n", "booting"),
        ("Starting kernel ...\n\nvirtual login: ", "unknown"),
        ("virtual login: root\n[  1.000000] reboot: Restarting system\n", "starting"),
        ("Starting kernel ...\nKernel panic - not syncing: x\n", "dead"),
        ("Kernel panic - not syncing: x\nRebooting in 5 seconds..\n", "starting"),
    ],
)
def test_what_a_console_has_told_last(text: str, phase: str) -> None:
    assert last_phase(text) == phase


# Knowing


@pytest.mark.parametrize(
    "text",
    [
        b"U-Boot SPL 2026.01\r\n",
        b"[    0.000000] Linux version 6.1.0\r\n",
        b"resetting ...\r\n",
        b"[   90.123456] reboot: Restarting system\r\n",
        b"Hit any key to stop autoboot:  2 ",
        b"[    2.000000] Kernel panic - not syncing: no init\r\n",
    ],
)
def test_a_state_is_lost_with_a_restart(port: Port, states: DeviceStates, eventually: Any, text: bytes) -> None:
    port.answer = Line()
    said(port, states, b"=> ", eventually)
    states.get(LIMIT_S)
    said(port, states, b"help\r\nboot - boot default\r\n=> ", eventually)
    assert states.known == "bootloader"
    said(port, states, b"\r\n" + text, eventually)
    assert states.known == "unknown"


def test_a_state_is_lost_with_power_and_with_the_link(
    device: Device, port: Port, states: DeviceStates, eventually: Any
) -> None:
    port.answer = Line()
    said(port, states, b"=> ", eventually)
    states.get(LIMIT_S)
    console = states.board.console
    console.resume()
    assert states.known == "unknown"
    said(port, states, b"=> ", eventually)
    assert states.get(LIMIT_S) == ("bootloader", "")
    device.client.power.on()
    assert states.known == "unknown"
    device.client.power.off()
    assert states.known == "off"


# Going


def test_steps_are_told(virtual: Callable[..., Device]) -> None:
    device = virtual(bootdelay=100)
    told: list[Event] = []
    device.link.events.subscribe(told.append)
    steps = states_of(device).ensure("bootloader", LIMIT_S)
    assert [(step.source, step.target) for step in steps] == [("off", "bootloader")]
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert str(steps[0]) == f"'off' to 'bootloader' in {steps[0].seconds:.2f} s"
    assert notices == [f"State of the board on console 'board.console': {steps[0]}."]


def test_a_system_that_starts_is_waited_for(virtual: Callable[..., Device]) -> None:
    device = virtual()
    states = states_of(device)
    states.configure(dataclasses.replace(states.settings, password="root"))
    device.client.board.power.on()
    device.console().wait_for("Linux version", LIMIT_S)
    assert [step.target for step in states.ensure("shell", LIMIT_S)][-1] == "shell"
    device.client.board.power.on()  # nothing happens to a board that is on
    assert states.ensure("shell", LIMIT_S) == []


def test_failures_of_the_lab_are_not_the_boards(
    virtual: Callable[..., Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = virtual(bootdelay=100)
    states = states_of(device)
    states.ensure("off", LIMIT_S)
    with monkeypatch.context() as patch:

        def stuck(*_: object) -> None:
            raise DriverError("the relay is stuck")

        patch.setattr(BoardPower, "switch_on", stuck)
        with pytest.raises(DriverError, match=r"^the relay is stuck$"):
            states.ensure("bootloader", LIMIT_S)
    assert states.known == "off"
    states.ensure("bootloader", LIMIT_S)


def test_a_board_that_says_nothing_is_power_cycled_once(device: Device) -> None:
    states = states_of(device)
    with pytest.raises(BootFailed) as caught:
        states.ensure("bootloader", 120)
    assert str(caught.value) == (
        "State 'bootloader' was not reached from 'off': The boot on console 'console' was not stopped within "
        "30 seconds. There was no prompt '=>'. It never said 'regexp:(?i)autoboot', so that no key was pressed. "
        "The console was silent."
    )
    assert caught.value.fault is FaultClass.UNKNOWN  # it may be the cable
    assert states.board.supply.state.cycles == 1
    with pytest.raises(StateBroken) as broken:
        states.ensure("bootloader", LIMIT_S)
    assert (broken.value.fault, broken.value.hints) == (FaultClass.UNKNOWN, (Hint.RETRY_STATE,))
    states.ensure("off", LIMIT_S)


def test_too_little_time_is_no_fault_of_the_board(virtual: Callable[..., Device], skipping: MovableClock) -> None:
    device = virtual(speed=10, bootdelay=20)
    states = states_of(device)
    states.configure(dataclasses.replace(states.settings, password="root"))
    states.ensure("bootloader", LIMIT_S)
    with (
        skipping.skipping(lambda: all_at_rest() or "Starting kernel" in device.console().text(0)),
        pytest.raises(
            BootFailed, match=r"^State 'login' was not reached from 'bootloader': There was no sign of a login"
        ),
    ):
        states.ensure("shell", LIMIT_S)
    assert states.ensure("shell", LIMIT_S)[-1].target == "shell"


def test_a_board_that_was_on_when_it_was_switched_on(virtual: Callable[..., Device]) -> None:
    device = virtual()
    device.client.board.power.on()
    log_in(device.console(), "root", "root", LIMIT_S)
    power = device.powers.of(device.client.board.power.uuid)
    power.on, power.actions = None, 0  # it was another process that did this
    device.client.board.power.on()
    assert states_of(device).ensure("shell", LIMIT_S) == []


def test_a_system_without_a_login(virtual: Callable[..., Device], tmp_path: Path) -> None:
    device = virtual()
    states = states_of(device)
    states.configure(dataclasses.replace(states.settings, password="root", off_time=0.0))
    stays = TransitionRule("shell", "login", lambda _: "shell")
    states.define([], [stays])
    states.ensure("shell", LIMIT_S)
    with pytest.raises(BootFailed) as caught:
        states.ensure("login", LIMIT_S)
    assert str(caught.value) == (
        "State 'login' was not reached from 'shell': The way was taken, and led back to 'shell'."
    )


def test_a_shell_behind_a_broken_login_is_not_tried(virtual: Callable[..., Device]) -> None:
    device = virtual(preinstalled=False)
    states = states_of(device)
    with pytest.raises(BootFailed, match=r"^State 'login' was not reached from 'bootloader': U-Boot came back to its"):
        states.ensure("shell", LIMIT_S)
    before = device.console().end
    with pytest.raises(StateBroken, match=r"^State 'login' was not tried again, because it broke at "):
        states.ensure("shell", LIMIT_S)
    assert device.console().end == before
    assert states.ensure("bootloader", LIMIT_S) == []


def test_a_state_in_which_the_board_is_seen_is_not_broken(virtual: Callable[..., Device]) -> None:
    device = virtual()
    states = states_of(device)
    states.configure(dataclasses.replace(states.settings, password="wrong"))
    with pytest.raises(BootFailed, match=r"^State 'shell' was not reached from 'login': The login of 'root' on"):
        states.ensure("shell", LIMIT_S)
    with pytest.raises(StateBroken, match=r"^State 'shell' was not tried again, because it broke at "):
        states.should_be("shell", LIMIT_S)
    log_in(device.console(), "root", "root", LIMIT_S)
    states.should_be("shell", LIMIT_S)
    assert states.ensure("shell", LIMIT_S) == []


def test_ways_to_nowhere(states: DeviceStates) -> None:
    with pytest.raises(UsageError) as caught:
        states.define([], [TransitionRule("off", "nowhere", lambda _: None)])
    assert str(caught.value) == (
        "A way leads from 'off' to 'nowhere', but there is no state 'nowhere'. Define it with detect."
    )


def test_settings_hide_the_password(states: DeviceStates) -> None:
    states.configure(dataclasses.replace(states.settings, password="geheim"))
    assert "geheim" not in repr(states.settings)


def test_an_action_that_leads_elsewhere(virtual: Callable[..., Device]) -> None:
    device = virtual(bootdelay=100)
    states = states_of(device)

    def act(context: Context) -> None:
        context.board.console.write(b"echo nothing\n")

    states.define([user_state("gone", "gone>")], [TransitionRule("bootloader", "gone", act, timeout=10)])
    states.ensure("bootloader", LIMIT_S)
    with pytest.raises(
        BootFailed, match=r"^State 'gone' was not reached from 'bootloader': The way was taken, and led "
    ):
        states.ensure("gone", LIMIT_S)


# Files


def test_what_a_file_may_say(states: DeviceStates, tmp_path: Path) -> None:
    path = tmp_path / "states.yaml"
    path.write_text(
        "settings: {prompt: 'U-Boot>', key: esc, pattern: '', interval: 50 ms, boot: run bootcmd, off_time: 1 min, "
        "user: admin, power: power}\n"
        "states:\n  a: {detect: 'a>', nudge: none, timeout: 2, cost: 0.5, enter: {off: [{pause: 0.1}]}}\n"
        "  shell: {enter: {a: [{type: exit}]}}\n"
    )
    content = read_states(path, states.settings, Timing(), states.names)
    settings = content.settings
    assert (settings.prompt, settings.off_time, settings.user, settings.power) == ("U-Boot>", 60.0, "admin", "power")
    assert settings.commands == ("run bootcmd",)
    how = settings.interruption
    assert (how.key, how.pattern, how.interval) == (b"\x1b", "", 0.05)
    assert [state.name for state in content.states] == ["a"]
    assert [(way.source, way.target, way.cost, way.timeout) for way in content.ways] == [
        ("off", "a", 0.5, 2.0),
        ("a", "shell", 2.0, 60.0),
    ]
    assert states.load(path) == ["a"]
    assert states.board.prompt == "U-Boot>"
    assert states.names == [*BUILTIN, "a"]


def test_a_file_may_give_a_board_its_timing(device: Device, states: DeviceStates, tmp_path: Path) -> None:
    device.timing = Timing(login_timeout=7.0, boot_timeout=7.0)
    path = tmp_path / "states.yaml"
    path.write_text("timing: {boot_timeout: 10 min, power_off_time: 0.5}\n")
    assert states.load(path) == []
    assert states.board.timing == Timing(login_timeout=7.0, boot_timeout=600.0, power_off_time=0.5)
    assert device.timing_of(device.driver("power")) == states.board.timing
    assert device.timing_of(device.client) == device.timing
    path.write_text("timing: {boot_timeout: 1 h}\nsettings: {off_time: 2}\n")
    states.load(path)
    assert states.board.timing == Timing(login_timeout=7.0, boot_timeout=3600.0, power_off_time=0.5)
    assert states.settings.off_time == 2.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("timing: soon", "line 1: timing: a mapping is needed, not this text"),
        (
            "timing:\n  boot_time: 3",
            f"line 2: timing.boot_time: A timing has no 'boot_time'. Did you mean 'boot_timeout'? It has: {FIELDS}",
        ),
        (
            "timing:\n  boot_timeout: soon",
            "line 2: timing.boot_timeout: it must be a length of time from 0 seconds to 365 days, such as 90 "
            "(seconds), '500 ms', '1h30m' or 'PT1H30M', not 'soon'",
        ),
        (
            "timing:\n  boot_timeout: 3\n  boot-timeout: 4",
            "line 1: timing: The timing gives 'boot_timeout' twice. Leave one of the two out",
        ),
        (
            "timing: {power_off_time: 3}\nsettings: {off_time: 3}",
            "line 2: settings.off_time: the timing 'power_off_time' is the same. Leave one of the two out",
        ),
    ],
)
def test_a_timing_that_a_file_cannot_give(states: DeviceStates, tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "states.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        states.load(path)
    assert str(caught.value) == f"The states file '{path}', {reason}."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "states:\n  rec:\n    detect: x\n    enter:\n      bootlader: [{pause: 1}]\n",
            "line 5: states.rec.enter.bootlader: there is no state 'bootlader'. "
            "Known: off, bootloader, login, shell, press-enter, initramfs, emergency, recovery, mcu-shell, rec, any",
        ),
        (
            "states:\n  rec: {detect: x}\n  shel:\n    enter: {rec: [{pause: 1}]}\n",
            "line 3: states.shel: there is no state 'shel'. Define it with detect",
        ),
    ],
)
def test_a_file_with_ways_to_nowhere(states: DeviceStates, tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "states.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        states.load(path)
    assert str(caught.value) == f"The states file '{path}', {reason}."
    assert states.names == list(BUILTIN)


def test_ways_of_a_file_may_use_states_that_are_known_or_come_later(states: DeviceStates, tmp_path: Path) -> None:
    path = tmp_path / "states.yaml"
    states.define([user_state("own", "own>")], [])
    path.write_text("states:\n  a: {detect: 'a>', enter: {own: [{pause: 1}], b: [{pause: 1}]}}\n  b: {detect: 'b>'}\n")
    assert states.load(path) == ["a", "b"]


def test_a_file_whose_settings_are_refused_defines_nothing(states: DeviceStates, tmp_path: Path) -> None:
    path = tmp_path / "states.yaml"
    path.write_text("settings: {power: nowhere}\nstates:\n  a: {detect: 'a>'}\n")
    with pytest.raises(UsageError):
        states.load(path)
    assert states.names == list(BUILTIN)
    assert states.settings.power is None


def test_an_empty_file_is_none(states: DeviceStates, tmp_path: Path) -> None:
    path = tmp_path / "states.yaml"
    path.write_text("")
    with pytest.raises(ConfigurationError) as caught:
        states.load(path)
    assert str(caught.value) == f"The states file '{path}' must hold a mapping, not nothing."


@pytest.mark.parametrize(
    "settings",
    [
        {"noise": 2.0, "bracketed_paste": True, "speed": 20.0},
        {"baudrate": 115200, "speed": 10.0},
        {"baudrate": 9600, "speed": 100.0},
        {"prompt": r"\h # ", "speed": 50.0},
        {"environment": {"bootdelay": "-1"}, "speed": 50.0},
        {"environment": {"bootdelay": "0"}, "speed": 10.0},
    ],
    ids=["noisy", "115200", "9600", "prompt", "no autoboot", "no delay"],
)
def test_every_kind_of_board(virtual: Callable[..., Device], settings: dict[str, Any]) -> None:
    device = virtual(bootdelay=100, **settings)
    states = states_of(device)
    how = states.settings.interruption
    if settings.get("environment", {}).get("bootdelay") == "0":
        how = dataclasses.replace(how, pattern="", interval=0.01)  # it looks for a key only once
    states.configure(dataclasses.replace(states.settings, password="root", off_time=0.0, interruption=how))
    uboot = UBoot(states.board.console, states.board.prompt)
    states.ensure("bootloader", LIMIT_S)
    set_variable(uboot, "greeting", "it's \\ ${not} expanded", LIMIT_S)
    assert uboot.run("echo hello; false", LIMIT_S).status == 1
    states.ensure("shell", LIMIT_S)
    assert run_command(device.console(), "echo hello", LIMIT_S).stdout == "hello"
    states.ensure("login", LIMIT_S)
    assert states.get(LIMIT_S) == ("login", "")
    states.ensure("off", LIMIT_S)
    assert states.known == "off"


# What is at the console


@pytest.mark.parametrize(
    "text",
    [
        b"Please enter passphrase for disk root: ",
        b"[sudo] password for me: ",
        b"Enter PIN: ",
        b"root@board's password: ",
    ],
)
def test_nothing_is_tried_where_a_secret_is_asked_for(
    port: Port, states: DeviceStates, eventually: Any, text: bytes
) -> None:
    said(port, states, b"$ something\r\n" + text, eventually)
    asked = text.decode().strip()
    assert states.get(LIMIT_S) == ("unknown", f"it asks '{asked}', where nothing is tried")
    assert port.got == b""


def test_a_secret_that_goes_away_by_itself_is_waited_for(
    port: Port, states: DeviceStates, eventually: Any, skipping: MovableClock
) -> None:
    said(port, states, b"Please enter passphrase for disk root: ", eventually)
    skipping.call_later(1.5, lambda: port.say(b"\r\nEnter PIN: "))
    skipping.call_later(2.5, lambda: port.say(b"\r\nvirtual login: "))
    port.answer = lambda _: b"\r\nvirtual login: "
    assert states.get(LIMIT_S) == ("login", "")
    assert port.got == b"\x15\n"


OTHERS = [
    ("Please press Enter to activate this console. ", "press-enter"),
    ("(initramfs) ", "initramfs"),
    ("dracut:/# ", "initramfs"),
    ("Press Enter for maintenance\r\n(or press Control-D to continue): ", "emergency"),
    ("ONIE:/ # ", "recovery"),
    ("uart:~$ ", "mcu-shell"),
    ("nsh> ", "mcu-shell"),
    ("esp32> ", "mcu-shell"),
    (">>> ", "mcu-shell"),
]


@pytest.mark.parametrize(("line", "state"), OTHERS)
def test_states_that_are_not_the_systems_are_named_and_left_alone(
    port: Port, states: DeviceStates, eventually: Any, line: str, state: str
) -> None:
    said(port, states, f"\r\n{line}".encode(), eventually)
    assert states.get(LIMIT_S) == (state, "")
    assert states.known == state
    states.should_be(state, LIMIT_S)
    assert port.got == b""


@pytest.mark.parametrize(
    ("banner", "state"),
    [
        ('You are in emergency mode. After logging in, type "journalctl -xb" to view system logs', "emergency"),
        ('You are in rescue mode. After logging in, type "journalctl -xb" to view system logs', "emergency"),
        ("Give root password for maintenance", "emergency"),
        ("================= FAILSAFE MODE active ================", "recovery"),
        ("You are in emergency mode.\r\n\r\nboard login: root\r\nPassword: ", "shell"),
        ("You are in emergency mode.\r\n\r\nU-Boot 2023.04\r\nStarting kernel ...", "shell"),
    ],
)
def test_a_shell_for_maintenance_is_told_by_what_came_before(
    port: Port, states: DeviceStates, eventually: Any, banner: str, state: str
) -> None:
    port.answer = Shell()
    said(port, states, f"{banner}\r\n\r\nroot@board:~# ".encode(), eventually)
    assert states.get(LIMIT_S) == (state, "")


@pytest.mark.parametrize(("openwrt", "state"), [(True, "recovery"), (False, "shell")])
def test_a_shell_without_a_host_name_may_be_openwrts_failsafe_mode(
    port: Port, states: DeviceStates, eventually: Any, openwrt: bool, state: str
) -> None:
    port.answer = Shell("root@(none):/# ", {"test -e /etc/openwrt_release": 0 if openwrt else 1})
    said(port, states, b"\r\nroot@(none):/# ", eventually)
    assert states.get(LIMIT_S) == (state, "")


def test_riot_is_known_by_its_answer_to_a_nudge(port: Port, states: DeviceStates, eventually: Any) -> None:
    port.answer = Riot()
    said(port, states, b"\r\n> ", eventually)
    assert states.get(LIMIT_S) == ("mcu-shell", "")
    assert port.got == b"\x15#\n"
    with pytest.raises(CommandFailed) as caught:
        run_command(states.board.console, "uname", LIMIT_S)
    assert str(caught.value) == (
        "Command 'uname' was not run: the command prompt of RIOT waits on console 'console' ('>'), which is no POSIX "
        "shell. Type there with write() of the console, and look at what it answers with wait_for()."
    )
    assert port.got == b"\x15#\n"


def test_no_wrapper_is_typed_at_riot(port: Port, states: DeviceStates, eventually: Any) -> None:
    port.answer = Riot()
    said(port, states, b"\r\n> ", eventually)
    console = states.board.console
    with pytest.raises(CommandFailed, match=r"^Command 'uname' was not run: "):
        run_command(console, "uname", LIMIT_S)
    assert b"eval" not in port.got
    with pytest.raises(LoginFailed, match=r"the command prompt of RIOT waits there \('>'\), which is no POSIX shell\."):
        log_in(console, "root", "secret", LIMIT_S)
    assert b"eval" not in port.got
    assert b"secret" not in port.got


def test_a_silent_login_that_took_the_comment_for_a_name_is_a_login(
    port: Port, states: DeviceStates, eventually: Any
) -> None:
    port.answer = lambda data: b"#\r\nPassword: " if data == b"\x15#\n" else b""
    assert states.get(LIMIT_S) == ("login", "")
    assert port.got == b"\x15#\n"


def test_enter_is_pressed_on_the_way_to_a_shell(port: Port, states: DeviceStates, eventually: Any) -> None:
    shell = Shell()
    said(port, states, b"\r\nPlease press Enter to activate this console. ", eventually)
    port.answer = lambda data: b"\r\nBusyBox v1.36.1\r\n\r\nroot@board:~# " if data == b"\n" else shell(data)
    assert [str(step).partition(" in ")[0] for step in states.ensure("shell", LIMIT_S)] == ["'press-enter' to 'shell'"]
    assert port.got.startswith(b"\n")


@pytest.mark.parametrize(("line", "name"), [("uart:~$", "Zephyr"), ("nsh>", "NuttX"), (">>>", "MicroPython or Python")])
@pytest.mark.parametrize("target", ["shell", "login"])
def test_no_power_is_cut_where_no_system_can_come(
    port: Port, states: DeviceStates, eventually: Any, line: str, name: str, target: str
) -> None:
    said(port, states, f"\r\n{line} ".encode(), eventually)
    with pytest.raises(BootFailed) as caught:
        states.ensure(target, LIMIT_S)
    assert str(caught.value) == (
        f"No way leads from state 'mcu-shell' (the command prompt of {name} waits there with '{line}') to '{target}' "
        f"on console 'console'. The last lines were:\n  \n  {line} \nType there with write() of the console, and look "
        f"at what it answers with wait_for()."
    )
    assert port.got == b""


@pytest.mark.parametrize(
    ("said_there", "found"),
    [
        ("(initramfs) ", "the shell of initramfs-tools waits there ('(initramfs)')"),
        ("ONIE:/ # ", "the shell of ONIE waits there ('ONIE:/ #')"),
        ("uart:~$ ", "the command prompt of Zephyr waits there ('uart:~$')"),
        ("You are in emergency mode.\r\nroot@board:~# ", "a shell for maintenance waits there ('root@board:~#')"),
        (
            "Give root password for maintenance\r\n(or press Control-D to continue): ",
            "it asks 'Give root password for maintenance (or press Control-D to continue):', where nothing is typed",
        ),
        ("Create root password: ", "it asks 'Create root password:', where nothing is typed"),
        ("Please enter passphrase for disk root: ", "it asks 'Please enter passphrase for disk root:', where nothing"),
        ("Fix<y>? ", "it asks 'Fix<y>?', where nothing is typed"),
    ],
)
def test_a_boot_that_leads_astray_fails_at_once(
    port: Port, states: DeviceStates, eventually: Any, skipping: MovableClock, said_there: str, found: str
) -> None:
    said(port, states, f"Starting kernel ...\r\n{said_there}".encode(), eventually)
    begin = skipping.seconds()
    with pytest.raises(BootFailed) as caught:
        await_state(states.board, ("bootloader", *SYSTEM_STATES), 0, Deadline(120.0))
    assert str(caught.value).startswith(f"The board on console 'console' came to no login and no shell: {found}")
    assert skipping.seconds() - begin < 4
    assert port.got == b""


def test_a_program_that_runs_is_no_boot(port: Port, states: DeviceStates, eventually: Any) -> None:
    port.answer = lambda data: data.replace(b"\x15", b"").replace(b"\n", b"\r\n")
    said(
        port, states, b"[    0.000000] Linux version 6.1\r\n[    1.000000] Run /init\r\nsh-5.1# sleep 1\r\n", eventually
    )
    with pytest.raises(StateMismatch, match=r"and is unknown: it answered a nudge with '#'\. The last lines were:"):
        states.should_be("login", LIMIT_S)
    # Otherwise a login would be waited for.
    states.define([], [TransitionRule("any", "login", lambda _: "login")])
    assert [step.target for step in states.ensure("login", LIMIT_S)] == ["login"]


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("=> ", ["bootloader"]),
        ("=> boot", ["bootloader"]),
        ("board login: ", ["login"]),
        ("board login: ro", ["login"]),
        ("board login: root\nPassword: ", ["login"]),
        ("Password: ", []),
        ("#\nPassword: ", ["login"]),
        ("[sudo] password for me: ", []),
        ("Do you want to continue? [Y/n] ", []),
        ("root@board:~# ", ["shell"]),
        ("root@(none):/# ", ["recovery", "shell"]),
        ("Please press Enter to activate this console. ", ["press-enter"]),
        ("(initramfs) ", ["initramfs"]),
        ("dracut:/# ", ["initramfs"]),
        ("Give root password for maintenance\n(or press Control-D to continue): ", ["emergency"]),
        ("ONIE:/ # ", ["recovery"]),
        ("uart:~$ ", ["mcu-shell"]),
        ("nsh> ", ["mcu-shell"]),
        ("esp32> ", ["mcu-shell"]),
        (">>> ", ["mcu-shell"]),
        ("> ", ["shell"]),
        ("U-Boot> ", []),
        ("grub> ", []),
        ("Loading: # ", []),
        ("Hit any key to stop autoboot:  3 ", []),
    ],
)
def test_states_are_told_by_their_prompts(text: str, states: list[str]) -> None:
    assert [
        state.name
        for state in builtin_transitions.builtin_states(PromptSettings("=>"))
        if state.shown(f"before\n{text}")
    ] == states


def test_prompts_of_a_login_that_are_set_are_known_to_states_logins_and_commands(
    port: Port, states: DeviceStates, eventually: Any, tmp_path: Path
) -> None:
    path = tmp_path / "states.yaml"
    path.write_text("settings:\n  login_prompt: 'Wer da?'\n  password_prompt: 'regexp:^Losung *$'\n")
    states.load(path)
    said(port, states, b"\r\nWer da? ", eventually)
    with pytest.raises(CommandFailed, match=r"^Command 'true' was not run: console 'console' asks for a login "):
        run_command(states.board.console, "true", LIMIT_S)
    assert port.got == b""
    said(port, states, b"root\r\nLosung ", eventually)
    assert states.get(LIMIT_S) == ("login", "")
    with pytest.raises(CommandFailed, match=r"^Command 'true' was not run: console 'console' asks for a password "):
        run_command(states.board.console, "true", LIMIT_S)
    assert port.got == b""
    shell = Shell()

    def answer(data: bytes) -> bytes:
        if b"secret\n" in port.got:
            return shell(data) if data != b"secret\n" else b"\r\nroot@board:~# "
        if data == b"root":
            return data
        return b"\r\nLosung " if b"root" in port.got else b"\r\nWer da? "

    port.answer = answer
    states.configure(dataclasses.replace(states.settings, password="secret"))
    assert [step.target for step in states.ensure("shell", LIMIT_S)] == ["shell"]
    assert port.got.startswith(b"\nroot\nsecret\n")


@pytest.mark.parametrize("name", ["login_prompt", "password_prompt"])
def test_a_prompt_of_a_login_that_cannot_be(states: DeviceStates, tmp_path: Path, name: str) -> None:
    path = tmp_path / "states.yaml"
    path.write_text(f"settings:\n  {name}: 'regexp:('\n")
    with pytest.raises(ConfigurationError, match=rf"settings\.{name}: '\(' is not a valid regular expression"):
        states.load(path)


@pytest.mark.parametrize(
    ("prompt", "loader"),
    [("U-Boot>", "the boot loader U-Boot"), ("grub>", "the boot loader GRUB"), ("ROM>", "a boot loader")],
)
def test_another_boot_loader_is_named_and_left_alone(
    port: Port, states: DeviceStates, eventually: Any, prompt: str, loader: str
) -> None:
    # Its banner does not make it one that still starts.
    said(port, states, f"U-Boot 2023.04 (Apr 03 2023)\r\nDRAM: 1 GiB\r\n{prompt} ".encode(), eventually)
    assert states.get(LIMIT_S) == (
        "unknown",
        f"{loader} waits with the prompt '{prompt}', and the prompt that is set for the board is '=>'",
    )
    assert port.got == b""


def test_a_prompt_that_is_set_is_known_to_logins_and_commands(
    port: Port, states: DeviceStates, eventually: Any
) -> None:
    states.configure(dataclasses.replace(states.settings, prompt="R-mt#"))
    said(port, states, b"DRAM: 1 GiB\r\nR-mt# ", eventually)
    console = states.board.console
    with pytest.raises(
        CommandFailed, match=r"^Command 'true' was not run: a boot loader waits on console '.*' \('R-mt#'"
    ):
        run_command(console, "true", LIMIT_S)
    with pytest.raises(LoginFailed, match=r"a boot loader waits there with the prompt 'R-mt#'"):
        log_in(console, "root", "root", LIMIT_S)
    assert port.got == b""


@pytest.mark.parametrize("line", ["grub> ", "Shell> ", "U-Boot> ", "=> boot", "board login: ro", "Password: ", "45 % "])
def test_no_system_waits_there(port: Port, states: DeviceStates, eventually: Any, line: str) -> None:
    said(port, states, f"=> boot\r\n{line}".encode(), eventually)
    with pytest.raises(
        BootFailed, match=r"^There was no sign of a login or a shell on console '.*' within 5 seconds\."
    ):
        await_state(states.board, ("bootloader", *SYSTEM_STATES), 0, Deadline(5.0))


@pytest.mark.parametrize(("line", "state"), [("=> ", "bootloader"), ("board login: ", "login"), ("/ # ", "shell")])
def test_where_a_boot_has_led(port: Port, states: DeviceStates, eventually: Any, line: str, state: str) -> None:
    said(port, states, f"=> boot\r\n{line}".encode(), eventually)
    assert await_state(states.board, ("bootloader", *SYSTEM_STATES), 0, Deadline(5.0)) == state


def test_shells_in_shells_are_left_all(port: Port, states: DeviceStates) -> None:
    answers = iter([b"\r\nboard# ", b"\r\n$ ", b"\r\nboard login: "])
    port.answer = lambda _: next(answers)
    context = Context(states.board, states.settings, Deadline(LIMIT_S))
    (log_out,) = [
        way
        for way in builtin_transitions.builtin_transitions(context)
        if (way.source, way.target) == ("shell", "login")
    ]
    assert log_out.act(context) == "login"
    assert port.got == b"\x15exit\n" * 3


def test_a_failing_pattern_ends_a_boot_at_once(virtual: Callable[..., Device]) -> None:
    device = virtual(speed=10.0)
    states = states_of(device)
    states.configure(dataclasses.replace(states.settings, password="root", off_time=0.0))
    device.console().fail_on("mine", [FailingPattern.of("VFS: Mounted root")])
    with pytest.raises(BootFailed) as caught:
        states.ensure("shell", LIMIT_S)
    message = str(caught.value)
    assert message.startswith("State 'login' was not reached from 'off': The device crashed: console 'board.console' ")
    assert "Freeing unused kernel memory" in message
    with pytest.raises(StateBroken, match=r"^State 'login' was not tried again, because it broke at [^\n]*$"):
        states.ensure("shell", LIMIT_S)
    assert device.console().text(0).count("VFS: Mounted root") == 1
    device.console().accept()
    states.forget_failures()
    assert states.ensure("shell", LIMIT_S)[-1].target == "shell"


def test_power_that_hangs_is_not_waited_for(device_with: Callable[..., Device], clock: MovableClock) -> None:
    class HangingPower(MockPower):
        @export
        async def off(self) -> None:
            await asyncio.sleep(60)

    device = device_with({"console": Port(), "power": HangingPower()})
    states = states_of(device)
    with pytest.raises(OperationTimeout, match=r"'off' of driver 'power' did not finish within"):
        states.ensure("off", 0.1)  # in real time, by gRPC
    assert states.known == "unknown"
