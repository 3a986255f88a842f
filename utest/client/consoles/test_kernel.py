"""Kernel messages: taken out of what programs print, and told from what dmesg prints."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.consoles.kernel import (
    KernelClock,
    separate,
    without_begun_message,
    without_cut_messages,
    without_kernel_messages,
    without_repeated_messages,
)

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


@pytest.mark.parametrize(
    "message",
    [
        "[   12.345678] usb 1-1: new device",
        "[   12.345678][  T123] usb 1-1: new device",
        "[   12.345678][    C0] usb 1-1: new device",
        "<6>[   12.345678] usb 1-1: new device",
        "[   12.345678@2] usb 1-1: new device",
        "[   12.345678@0]-[2] usb 1-1: new device",
        "[   12.345678s][pid:1,cpu0,swapper/0]usb 1-1: new device",
        "[   12.345678]  (0)[1:swapper/0]usb 1-1: new device",
        "<5>[   12.345678]<0>.(0)[1:swapper/0]usb 1-1: new device",
        "[   12.345678]  [0:  swapper/0:    1] usb 1-1: new device",
        "[   12.345678] c0      1 usb 1-1: new device",
        "[Tue Mar  3 10:00:00 2026] usb 1-1: new device",
        "[Tue Mar 3 10:00:00 2026] usb 1-1: new device",
    ],
)
def test_messages_as_vendors_show_them(message: str) -> None:
    assert without_kernel_messages(f"board lo{message}\ngin: {message}\n") == "board login: "
    begin = message[: message.index("]")]
    for length in range(1, len(begin)):
        text = f"board login: {begin[:length]}"
        assert without_begun_message(text) == "board login: ", text


@pytest.mark.parametrize("text", ["[root@fedora ~]# ", "a <b", "x[3]", "[Tue] ", "<INTERRUPT>", "see <12> ", "[1:3] "])
def test_what_is_no_begin_of_a_message(text: str) -> None:
    assert without_begun_message(text) == text


@pytest.mark.parametrize("prefix", ["", "<6>"])
@pytest.mark.parametrize("time", ["20.000000", "20.000000@2", "20.000000s"])
def test_messages_of_vendors_are_apart_from_output(prefix: str, time: str) -> None:
    text = f"one\nt{prefix}[   {time}] a\nwo\n"
    assert separate(text, 12.0) == ("one\ntwo\n", [(5, f"[   {time}] a")])


def test_a_message_that_a_prompt_has_cut() -> None:
    text = "[   root\nPassword: 12.345678] usb 1-1: new device\n[   13.345678] usb 1-1: another\n"
    assert without_cut_messages(without_kernel_messages(text)) == "[   root\nPassword: "
    assert without_cut_messages("1.5] x\n") == "1.5] x\n"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("board login: eth0: link 1\neth0: link 2\neth0: link 3\n", "board login: "),
        ("# eth0: at 0x1fa\nusb: new 1\neth0: at 0x2\nusb: new 22\neth0: at 3\n", "# "),
        ("usb: new 1\n\nboard login: usb: new 1\nusb: new 2\n", "usb: new 1\n\nboard login: "),
        ("done\neth0: link 1\neth0: link 2\n", "done\n"),
        ("eth0: link 1\neth0: link 2\n", "eth0: link 1\neth0: link 2\n"),
        ("board login: eth0: link 1\nusb: new\n", "board login: eth0: link 1\nusb: new\n"),
        ("board login: eth0: link 1\neth0: link 2\neth0: li", "board login: eth0: link 1\neth0: link 2\neth0: li"),
        ("12\n34\n56\n", "12\n34\n56\n"),
        ("", ""),
    ],
)
def test_messages_that_come_again_and_again(text: str, rest: str) -> None:
    assert without_repeated_messages(text) == rest


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


def test_a_long_line_before_repeated_messages_is_no_prompt() -> None:
    text = f"{'x' * 200_000}\nusb 1-1: lost 1\nusb 1-1: lost 2\n"
    assert without_repeated_messages(text) == f"{'x' * 200_000}\n"


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


def test_a_live_message_has_the_present_time_of_the_kernel() -> None:
    clock = KernelClock()
    assert not clock.is_live("[   12.345678] early", 100.0)
    clock.learn(1.0, 100.0)
    clock.learn(11.0, 110.0)
    assert clock.is_live("[   21.000000] Oops: 0002 [#1]", 120.0)
    assert clock.is_live("<1>[   21.000000@2] Oops: 0002 [#1]", 120.0)
    assert not clock.is_live("[    9.000000] of before", 120.0)
    assert not clock.is_live("[  500.000000] of the boot before", 120.0)
    assert not clock.is_live("Oops: 0002 [#1]", 120.0)
