"""A console on a real serial port with a real shell behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.client.drivers import SerialProxy
from JumpstarterLibrary.errors import AmbiguousDriver, ConsoleMismatch, DriverError


@pytest.fixture
def console(device: Device, tmp_path: Path) -> Iterator[Console]:
    """Log in, and out again."""
    device.transcripts = tmp_path / "consoles"
    console = device.console("console")
    console.write(b"\n")
    console.wait_for("login:", 5)
    console.write(b"root\n")
    console.wait_for("Password:", 5)
    console.write(b"secret\n")
    console.wait_for("board:~# ", 5)
    yield console
    console.write(b"exit\n")
    console.wait_for("login:", 5)


def test_command_and_its_output(console: Console) -> None:
    console.write(b"expr 6 '*' 7\n")
    assert console.wait_for(r"regexp:\n(?P<answer>\d+)\n", 5).groups == {"answer": "42"}


def test_much_output_is_complete(console: Console) -> None:
    console.write(b"seq 1 20000; echo all-$((1))-said\n")
    text = console.wait_for("all-1-said", 20).before
    assert [line for line in text.split("\n") if line.isdecimal()] == [str(number) for number in range(1, 20001)]


def test_mismatch_tells_what_was_there(console: Console) -> None:
    console.write(b"echo panic\n")
    console.wait_for("panic\n", 5)
    with pytest.raises(ConsoleMismatch, match=r"^No match for 'never said' on console 'console' in 200 milliseconds\."):
        console.wait_for("never said", 0.2)
    with pytest.raises(ConsoleMismatch, match=r"^Console 'console' said 'panic', which it should not\."):
        console.must_not_say("panic", 0.1, since=0)


def test_transcript_has_every_byte(console: Console, tmp_path: Path) -> None:
    console.write(b"printf '\\001\\177\\n'; echo done-$((2))\n")
    console.wait_for("done-2", 5)
    assert b"\x01\x7f\r\ndone-2" in (tmp_path / "consoles" / "console.log").read_bytes()


def test_several_consoles_are_named(device: Device) -> None:
    with pytest.raises(AmbiguousDriver, match=r"has several console drivers: console, wire\. Say which with driver=\."):
        device.console()


def test_control_lines_of_a_pseudo_terminal(device: Device) -> None:
    """It has none; what matters is that the question arrives and a driver's answer comes back."""
    with pytest.raises(DriverError, match=r"^'set_dtr' of driver 'wire' "):
        device.find(SerialProxy, "console", "wire").set_dtr(True)
