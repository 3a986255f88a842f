"""The end of a console while a kernel talks: what it says is no change, wherever and in whatever pieces it comes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.screen import TAIL, Screen
from JumpstarterLibrary.client.boot.states import states_of
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from utest.client.serial_port import Port

Hear = Callable[[bytes], None]

LIMIT_S = 20.0

pytestmark = pytest.mark.usefixtures("skipping")

PROMPT = b"root@board:~# "
LONG = b"".join(b"%d\r\n" % number for number in range(1, 20000))
MESSAGE = b"[   12.345678] usb 1-1: noise\r\n"


class Shell:
    """A shell's side of a line, which knows what is tried to see that it is one."""

    def __init__(self) -> None:
        self._line = ""

    def __call__(self, data: bytes) -> bytes:
        return b"".join(self._key(key) for key in data.decode())

    def _key(self, key: str) -> bytes:
        if key in "\x15\x03":
            self._line = ""
            return b""
        if key != "\n":
            self._line += key
            return key.encode()
        line, self._line = self._line, ""
        found = re.match(r':; \{ \\echo "JMP""(\w{8})B"', line)
        said = f"JMP{found[1]}B\r\n\r\nJMP{found[1]}E:0:\r\n" if found else ""
        return b"\r\n" + said.encode() + PROMPT


@pytest.fixture
def noise(skipping: MovableClock, port: Port) -> Callable[[Callable[[int], list[bytes]], float], None]:
    """Let the port say things all the time, from now on."""

    def begin(pieces: Callable[[int], list[bytes]], interval: float) -> None:
        said = (piece for number in itertools.count() for piece in pieces(number))

        def talk() -> None:
            port.say(next(said))
            skipping.call_later(interval, talk)

        skipping.call_later(interval, talk)

    return begin


@pytest.fixture
def hear(port: Port, device: Device, eventually: Any) -> Hear:
    """Let the port say something, and wait until its end is there."""

    def wait(text: bytes) -> None:
        port.say(text)
        eventually(lambda: device.console().text(0).endswith(text[-20:].decode().replace("\r\n", "\n")))

    return wait


@pytest.fixture
def screen(device: Device) -> Screen:
    return states_of(device).board.screen


def test_what_came_while_the_text_was_judged_is_new(screen: Screen, hear: Hear) -> None:
    hear(PROMPT + b"reboot")
    assert screen.line() == "root@board:~# reboot"
    hear(b"\r\nThe system is going down NOW!\r\n")
    assert not screen.changes(0.5, Deadline(LIMIT_S))
    assert screen.goes_on(0.5, Deadline(LIMIT_S))
    assert screen.text().endswith("reboot\nThe system is going down NOW!\n")
    assert not screen.goes_on(0.5, Deadline(LIMIT_S))


def test_a_message_that_came_while_the_text_was_judged_is_not_new(screen: Screen, hear: Hear) -> None:
    hear(PROMPT)
    assert screen.line() == "root@board:~# "
    hear(b"\r\n" + MESSAGE + PROMPT)
    hear(MESSAGE)
    assert screen.goes_on(0.5, Deadline(LIMIT_S)), "a prompt came"
    screen.text()
    hear(MESSAGE)
    assert not screen.goes_on(0.5, Deadline(LIMIT_S))


def test_a_shell_is_seen_through_the_noise_after_long_output(
    device: Device, port: Port, noise: Any, hear: Hear
) -> None:
    port.answer = Shell()
    hear(LONG + PROMPT)
    noise(lambda number: [b"[%5d.%06d] usb 1-1: noise\r\n" % (12 + number // 20, number)], 0.05)
    assert states_of(device).get(LIMIT_S) == ("shell", "")


@pytest.mark.parametrize("before", [b"", LONG], ids=["short", "long"])
@pytest.mark.parametrize("cut", [1, 3, 6, 10, 14, 20, len(MESSAGE) - 1, len(MESSAGE)])
def test_a_message_is_no_change_wherever_it_is_cut(
    screen: Screen, noise: Any, hear: Hear, before: bytes, cut: int
) -> None:
    hear(before + PROMPT)
    noise(lambda _: [MESSAGE[:cut], MESSAGE[cut:]], 0.05)
    assert not screen.changes(1.0, Deadline(LIMIT_S))
    assert screen.line() == PROMPT.decode()


@pytest.mark.parametrize("before", [b"", LONG, b"#" * (TAIL + 100)], ids=["short", "long", "one long line"])
@pytest.mark.parametrize("said", [b"x", b"\r\n", b"[   12.3]", MESSAGE + b"x"])
def test_all_else_is_a_change(
    port: Port, screen: Screen, skipping: MovableClock, hear: Hear, before: bytes, said: bytes
) -> None:
    hear(before + PROMPT + MESSAGE)
    skipping.call_later(3.0, lambda: port.say(said))
    assert screen.changes(5.0, Deadline(LIMIT_S))
    assert skipping.seconds() == 3.0


def test_the_same_line_again_is_a_change(screen: Screen, noise: Any, hear: Hear) -> None:
    hear(LONG + b"tick\r\n" * 20000)
    noise(lambda _: [b"tick\r\n"], 0.05)
    assert screen.changes(5.0, Deadline(LIMIT_S))
    assert screen.settled(Deadline(0.5)) is None


def test_only_the_begin_of_a_message_at_the_very_end_is_left_out(screen: Screen, hear: Hear) -> None:
    hear(b"a list [\r\n")
    assert screen.text() == "a list [\n"
    hear(PROMPT + b"[   1")
    assert screen.line() == PROMPT.decode()
