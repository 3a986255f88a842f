"""The end of a trace: silence, a bound, a mark of the kernel's, a new boot; never the middle of a slow line."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.consoles.trace import LIMIT, LIMIT_S, REST_S, Trace

START = 10
CHARACTER_S = 10 / 9600
"""Seconds for one character at 9600 baud."""


class Line:
    """A console that says a trace, and the trace."""

    def __init__(self) -> None:
        self.text = "x" * START
        self.now = 100.0
        self.trace = Trace(START, self.now, 1.0)

    def say(self, text: str, *, after: float = 0.0, overlap: int = 0) -> None:
        """Say something after some seconds, and let the trace hear also some characters before it."""
        self.now += after
        self.text += text
        self.trace.hear(self.text[len(self.text) - len(text) - overlap :], len(self.text), self.now)

    @property
    def whole(self) -> str:
        """What belongs to the trace."""
        return self.text[START : self.trace.end]

    @property
    def left(self) -> float:
        return round(self.trace.left(self.now), 6)


def test_silence_ends_it() -> None:
    line = Line()
    line.say("panic\n")
    line.say("trace", after=0.9)
    assert line.left == 1.0
    line.now += 1.0
    assert line.left == 0.0
    assert not line.trace.closed
    line.say("\nlater\n", after=0.5)
    assert line.trace.closed
    assert line.whole == "panic\ntrace"


def test_a_slow_line_is_no_silence() -> None:
    line = Line()
    said = "".join(f"[   12.{number:06}]  function_{number}+0x1c/0x30\n" for number in range(600))
    for character in said:
        line.say(character, after=CHARACTER_S)
    assert line.now > 120.0
    assert line.whole == said


@pytest.mark.parametrize("banner", ["U-Boot 2024.01 (Jan 01 2024)", "U-Boot SPL 2024.01", "NOTICE:  BL2: v2.10"])
def test_a_new_boot_ends_it(banner: str) -> None:
    line = Line()
    line.say("panic\ntrace\n")
    for character in f"\n{banner}\nmore\n":
        line.say(character, after=CHARACTER_S, overlap=min(30, len(line.text)))
    assert line.whole == "panic\ntrace\n\n"
    assert line.left == 0.0


def test_a_banner_before_it_ends_nothing() -> None:
    line = Line()
    line.text = "U-Boot 2024.01\n"
    line.trace = Trace(len(line.text), line.now, 1.0)
    line.say("panic\n", overlap=len(line.text))
    assert line.left == 1.0


def test_a_board_that_lives_on_ends_it_by_time() -> None:
    line = Line()
    line.say("oops\n")
    while line.left > 0:
        line.say("tick\n", after=0.5)
    assert line.now == 100.0 + LIMIT_S


def test_a_flood_ends_it_by_size() -> None:
    line = Line()
    while line.left > 0:
        line.say("tock\n" * 100)
    assert LIMIT <= len(line.whole) <= LIMIT + 500


def test_behind_the_last_mark_of_the_kernel_little_more_belongs_to_it() -> None:
    line = Line()
    line.say("Oops\n---[ end tra")
    line.say("ce 0000000000000000 ]---\n", after=0.5, overlap=30)
    line.say("Kernel panic - not syncing: Fatal exception\n", after=0.5)
    line.say("---[ end Kernel panic - not syncing: Fatal exception ]---\n", after=0.5)
    begin = line.now
    while line.left > 0:
        line.say("tick\n", after=0.5)
    assert line.now == begin + REST_S
