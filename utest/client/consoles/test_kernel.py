"""Kernel messages: taken out of what programs print, and told from what dmesg prints."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.consoles.kernel import KernelClock, separate, without_kernel_messages

NOISE = "[   12.345678] usb 1-1: new device\n"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("abc\n", "abc\n"),
        (f"ab{NOISE}c\n", "abc\n"),
        (f"{NOISE}abc\n{NOISE}", "abc\n"),
        (f"a{NOISE}{NOISE}b{NOISE}", "ab"),
        ("abc[   12.345678] not at its e", "abc"),
        ("[OK] [ 12.3] [a.123456]", "[OK] [ 12.3] [a.123456]"),
    ],
)
def test_text_without_anything_that_looks_like_a_message(text: str, rest: str) -> None:
    assert without_kernel_messages(text) == rest


def test_what_comes_out_by_itself_is_newer_than_all_before() -> None:
    text = "one\nt[   20.000000] a\nwo\n[   20.100000] b\nthree\n"
    rest, messages = separate(text, 12.0)
    assert rest == "one\ntwo\nthree\n"
    assert messages == [(5, "[   20.000000] a"), (8, "[   20.100000] b")]


def test_what_dmesg_prints_is_output_also_where_a_message_cuts_it() -> None:
    text = (
        "[    0.000000] Linux version 6.1[   20.000000] noise\n\n[    0.100000] early\n[   20.000000] noise\n"
        "[   19.000000] late\n"
    )
    rest, messages = separate(text, 19.5)
    assert rest == (
        "[    0.000000] Linux version 6.1\n[    0.100000] early\n[   20.000000] noise\n[   19.000000] late\n"
    )
    assert messages == [(32, "[   20.000000] noise")]


def test_a_message_of_several_lines_has_the_same_time_in_all_of_them() -> None:
    text = "a\n[   20.000000] first\n[   20.000000] second\nb\n"
    assert separate(text, 12.0) == ("a\nb\n", [(2, "[   20.000000] first"), (2, "[   20.000000] second")])


def test_where_no_time_is_known_only_what_breaks_into_a_line_is_a_message() -> None:
    assert separate(f"a{NOISE}b\n{NOISE}", None) == (f"ab\n{NOISE}", [(1, NOISE[:-1])])
    assert separate(f"a{NOISE}{NOISE}b\n", None) == ("ab\n", [(1, NOISE[:-1]), (1, NOISE[:-1])])


def test_nobody_knows_before_the_first_message() -> None:
    clock = KernelClock()
    clock.heard("board login: ", 100.0)
    assert clock.newer_than(101.0) is None
    clock.heard(NOISE, 102.0)
    assert clock.newer_than(102.0) == 12.345678
    clock.restart()
    assert clock.newer_than(103.0) is None


def test_what_comes_after_a_silence_is_about_as_new_as_the_silence_is_long() -> None:
    clock = KernelClock()
    clock.learn(1.0, 100.0)
    clock.learn(11.0, 110.0)
    newer = clock.newer_than(210.0)
    assert newer is not None
    assert 95 < newer < 111


def test_a_kernel_that_runs_slowly_is_not_ahead_of_its_time() -> None:
    clock = KernelClock()
    clock.learn(1.0, 100.0)
    clock.learn(7.0, 110.0)
    newer = clock.newer_than(120.0)
    assert newer is not None
    assert 7.0 <= newer < 13.0


def test_a_kernel_that_was_started_anew() -> None:
    clock = KernelClock()
    clock.heard("[  500.000000] reboot: Restarting system\n", 600.0)
    clock.heard("[    0.000000] Linux version 6.1\n", 603.0)
    assert clock.newer_than(603.0) == 0.0


def test_nothing_is_learnt_while_a_command_prints() -> None:
    clock = KernelClock()
    clock.heard(NOISE, 1.0)
    clock.paused = True
    clock.heard("[   99.000000] old story\n", 2.0)
    assert clock.last == 12.345678
