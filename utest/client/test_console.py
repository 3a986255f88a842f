"""Consoles: cursor, marks, waits with evidence, silence, ends, and a transcript of every byte."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.consoles import recording as recording_module
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.client.events import Notice
from JumpstarterLibrary.client.pattern import WINDOW, Pattern
from JumpstarterLibrary.errors import (
    ConfigurationError,
    ConsoleMismatch,
    DeviceCrashed,
    DriverError,
    DriverMethodNotImplemented,
    FaultClass,
    LinkError,
    OperationTimeout,
)
from JumpstarterLibrary.exporter.drivers.power import MockPower
from utest.client.serial_port import Port, all_at_rest

LIMIT_S = 10.0

pytestmark = pytest.mark.usefixtures("skipping")


# Waits


def test_a_match_and_what_is_known_of_it(console: Console, port: Port) -> None:
    port.say(b"U-Boot 2024.01\r\nlogin: ")
    match = console.wait_for(r"regexp:U-Boot (?P<version>\S+)", LIMIT_S)
    assert (match.text, match.before, match.groups) == ("U-Boot 2024.01", "", {"version": "2024.01"})
    assert (match.start, match.end, console.cursor) == (0, 14, 14)
    match = console.wait_for("login:", timedelta(seconds=LIMIT_S))
    assert (match.text, match.before, match.start, match.end) == ("login:", "\n", 15, 21)
    assert match.seconds == 0.0


def test_a_match_knows_how_long_it_was_waited_for(console: Console, port: Port, skipping: MovableClock) -> None:
    skipping.call_later(7.5, lambda: port.say("login: "))
    assert console.wait_for("login:", LIMIT_S).seconds == 7.5


def test_a_wait_begins_at_the_cursor_and_destroys_nothing(console: Console, port: Port) -> None:
    port.say(b"one two one")
    assert console.wait_for("one", LIMIT_S).start == 0
    assert console.wait_for("one", LIMIT_S).start == 8
    assert (console.text(), console.text(0), console.cursor) == ("", "one two one", 11)
    assert console.wait_for("two", 0, since=0).start == 4
    assert console.text() == " one"


def test_a_match_across_chunks(console: Console, port: Port) -> None:
    port.say(*(bytes([byte]) for byte in b"kernel panic"))
    assert console.wait_for("nel pa", LIMIT_S).start == 3
    port.say(*(bytes([byte]) for byte in "grün\r\n".encode()))
    assert console.wait_for("regexp:^.*gr.n$", LIMIT_S).text == "nicgrün"


def test_a_match_far_back_is_found_however_much_follows(console: Console, port: Port, eventually: Any) -> None:
    text = b"needle " + b"hay " * (WINDOW // 2)
    port.say(text)
    eventually(lambda: console.end == len(text))
    assert console.wait_for("needle", 0).start == 0
    assert console.wait_for("regexp:n.edle", 0, since=0).start == 0


def test_where_the_search_goes_on_is_no_beginning_of_a_line(
    console: Console, port: Port, skipping: MovableClock
) -> None:
    console.mark("here")
    port.say(b"a" * (WINDOW + 10))
    skipping.call_later(1, lambda: port.say(b"b" * 5, b"\nb"))
    assert console.wait_for("regexp:^ab|^b", LIMIT_S, since=0).start == WINDOW + 16


def test_the_first_of_several_patterns(console: Console, port: Port) -> None:
    port.say(b"error: login: ")
    assert console.wait_for_any(["login:", "error"], LIMIT_S)[0] == 1
    index, match = console.wait_for_any(["nothing", "regexp:log.*:", "log"], LIMIT_S)
    assert (index, match.text) == (1, "login:")


def test_the_name_of_a_pattern_is_known_of_its_match(console: Console, port: Port) -> None:
    port.say(b"board login: ")
    wanted = [Pattern("=>", "UBOOT"), Pattern(r"regexp:(?P<host>\w+) login:", "LOGIN")]
    _, match = console.wait_for_any(wanted, LIMIT_S)
    assert (match.name, match.groups) == ("LOGIN", {"host": "board"})
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for_any(wanted, 0)
    assert str(caught.value).startswith(
        r"No match for UBOOT ('=>') or LOGIN ('regexp:(?P<host>\w+) login:') on console 'console' in 0 milliseconds. "
    )


def test_a_match_that_spans_lines(console: Console, port: Port) -> None:
    port.say(b"begin\n", *[b"x" * 99 + b"\n"] * 200, b"end\n")
    match = console.wait_for("regexp:(?s)begin.*end", LIMIT_S)
    assert (match.start, match.end) == (0, 6 + 100 * 200 + 3)


def test_what_came_before_the_wait_counts(console: Console, port: Port, eventually: Any) -> None:
    port.say(b"ready")
    eventually(lambda: console.end == 5)
    assert console.wait_for("ready", 0).end == 5


def test_the_caller_gets_a_tick_while_it_waits(device: Device, console: Console) -> None:
    ticks: list[str] = []
    device.tick = lambda: ticks.append(threading.current_thread().name)
    with pytest.raises(ConsoleMismatch):
        console.wait_for("x", 1)
    assert set(ticks) == {threading.current_thread().name}
    assert 4 <= len(ticks) <= 6


def test_a_wait_that_is_interrupted(console: Console, port: Port, alarm: Any, skipping: MovableClock) -> None:
    skipping.call_later(1.0, alarm.ring)
    with pytest.raises(alarm.Interruption):
        console.wait_for("never", LIMIT_S)
    port.say(b"still here")
    assert console.wait_for("here", LIMIT_S).start == 6


# Evidence


def test_silence_since_it_was_opened(console: Console) -> None:
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for("login:", LIMIT_S)
    assert str(caught.value) == (
        "No match for 'login:' on console 'console' in 10 seconds. The console was silent since it was opened."
    )
    assert isinstance(caught.value, AssertionError)
    assert caught.value.fault is FaultClass.UNKNOWN  # it may be the cable


def test_silence_since_the_cursor(console: Console, port: Port) -> None:
    port.say(b"hello\n")
    console.wait_for("hello", LIMIT_S)
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for_any(["login:", "regexp:a+"], 120)
    assert str(caught.value) == (
        "No match for 'login:' or 'regexp:a+' on console 'console' in 2 minutes. "
        "The console was silent; its last byte came 2 minutes ago."
    )


def test_what_was_said_instead(console: Console, port: Port, eventually: Any) -> None:
    port.say(b"".join(b"line %d\r\n" % number for number in range(30)), b"board logim: ")
    eventually(lambda: console.end == 243)
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for("board login:", 3)
    lines = str(caught.value).split("\n")
    assert lines == [
        "No match for 'board login:' on console 'console' in 3 seconds. 273 bytes were read, the last 3 seconds ago. "
        "The nearest line was: 'board logim:'. The last lines were:",
        *(f"  line {number}" for number in range(11, 30)),
        "  board logim: ",
    ]
    assert caught.value.fault is FaultClass.PRODUCT
    assert console.cursor == 0


def test_garbage_is_no_silence(console: Console, port: Port, eventually: Any, skipping: MovableClock) -> None:
    port.say(b"\x00\x07\x1b[0m")
    eventually(lambda: console.heard == 6)
    console.cursor = console.end
    with pytest.raises(
        ConsoleMismatch, match=r" in 0 milliseconds\. The console was silent; its last byte came 0 milliseconds ago\.$"
    ):
        console.wait_for("login:", 0)
    skipping.call_later(1.5, lambda: port.say(b"\x00" * 1000))
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for("login:", 5)
    assert str(caught.value).endswith(
        " in 5 seconds. 1000 bytes were read, the last 3.5 seconds ago, and nothing of that is text."
    )


def test_bytes_are_counted_from_the_place_that_was_looked_at(console: Console, port: Port, eventually: Any) -> None:
    port.say(b"one \x1b[1mtwo\x1b[0m\r\n", b"x\r\n")
    eventually(lambda: console.heard == 20)
    for text, said in (
        ("one", "17 bytes were read"),
        ("two\n", "3 bytes were read"),
        ("x\n", "The console was silent"),
    ):
        console.wait_for(text, 5)
        with pytest.raises(ConsoleMismatch, match=rf" in 0 milliseconds\. {said}"):
            console.wait_for("never", 0)


def test_what_must_not_be_said(console: Console, port: Port, eventually: Any) -> None:
    port.say(b"all is well\nKernel panic - not syncing\nbye\n")
    eventually(lambda: console.end == 43)
    with pytest.raises(ConsoleMismatch) as caught:
        console.must_not_say("panic", 0)
    assert str(caught.value) == (
        "Console 'console' said 'panic', which it should not. The line was: 'Kernel panic - not syncing'."
    )
    console.must_not_say("regexp:Oops", 0)
    console.must_not_say("panic", 0, since=console.end)
    assert console.cursor == 0


def test_what_must_not_be_said_for_a_while(console: Console, port: Port, skipping: MovableClock) -> None:
    console.must_not_say("panic", LIMIT_S)
    skipping.call_later(LIMIT_S - 1, lambda: port.say("panic"))
    with pytest.raises(ConsoleMismatch, match=r"^Console 'console' said 'panic', which it should not\. "):
        console.must_not_say("panic", LIMIT_S)


# Chapters


def test_a_power_action_begins_a_new_chapter(device: Device, console: Console, port: Port, eventually: Any) -> None:
    port.say(b"old login: ")
    eventually(lambda: console.end == 11)
    device.client.power.on()
    with pytest.raises(ConsoleMismatch):
        console.wait_for("login:", 0)
    port.say(b"new login: ")
    assert console.wait_for("login:", LIMIT_S).start == 15
    assert console.marks == {"connect": 0, "power_on": 11}
    assert console.mark("mine") == console.marks["mine"] == 22


# What must never be said


def test_a_failing_pattern_ends_a_wait_and_its_trace_is_told(
    console: Console, port: Port, skipping: MovableClock
) -> None:
    console.fail_on("panic", [FailingPattern.of("regexp:Kernel panic.*")])
    port.say(b"".join(b"line %d\r\n" % number for number in range(9)))
    skipping.call_later(1.0, lambda: port.say("[1.2] Kernel panic - not syncing\nCall trace:\n"))
    skipping.call_later(1.75, lambda: port.say(" panic+0x168/0x360\n"))
    with pytest.raises(DeviceCrashed) as caught:
        console.wait_for("login:", LIMIT_S)
    assert skipping.seconds() == 1.75 + console.timing.trace_silence
    assert str(caught.value) == (
        "The device crashed while 'login:' was awaited: console 'console' said '[1.2] Kernel panic - not syncing' "
        "(failing pattern 'regexp:Kernel panic.*'). What came with it:\n"
        "  line 4\n  line 5\n  line 6\n  line 7\n  line 8\n"
        "  [1.2] Kernel panic - not syncing\n  Call trace:\n   panic+0x168/0x360"
    )
    assert isinstance(caught.value, AssertionError)
    assert caught.value.code == "JMP-DEVICE-CRASHED"
    assert caught.value.line == "[1.2] Kernel panic - not syncing"
    assert caught.value.trace == "[1.2] Kernel panic - not syncing\nCall trace:\n panic+0x168/0x360"
    with pytest.raises(ConsoleMismatch):
        console.wait_for("login:", 0)


def test_the_trace_of_a_slow_line_is_whole(console: Console, port: Port, skipping: MovableClock) -> None:
    console.fail_on("Oops", [FailingPattern.of("Oops")])
    trace = "Oops: 0002\n" + "".join(f" function_{number:03}+0x1c/0x30\n" for number in range(250))
    for number, begin in enumerate(range(0, len(trace), 48)):
        piece = trace[begin : begin + 48]
        skipping.call_later(1.0 + number * 0.05, lambda piece=piece: port.say(piece))  # type: ignore[misc]
    with pytest.raises(DeviceCrashed) as caught:
        console.wait_for("login:", 2)
    assert caught.value.trace == trace.rstrip("\n")
    assert str(caught.value).endswith(" function_249+0x1c/0x30")


def test_every_kind_of_wait_ends(console: Console, port: Port, eventually: Any) -> None:
    waits: list[Callable[[], object]] = [
        lambda: console.wait_for_output(LIMIT_S, "anything"),
        lambda: console.must_not_say("x", LIMIT_S),
        lambda: console.check(),
        lambda: console.wait_for("regexp:x", 0),
    ]
    console.fail_on("panic", [FailingPattern.of("panic")])
    for number, wait in enumerate(waits):
        console.power_changes()
        port.say(f"panic {number}\n")
        eventually(all_at_rest)
        with pytest.raises(DeviceCrashed, match=rf" said 'panic {number}' "):
            wait()


def test_what_a_command_prints_ends_no_wait_once_its_status_is_there(
    console: Console, port: Port, skipping: MovableClock
) -> None:
    console.fail_on("panic", [FailingPattern.of("panic")])
    for status, match in (("", "panic of the boot before$"), ("\nJMP01234567E:0:\n", None)):
        skipping.call_later(0.5, lambda: port.say("JMP01234567B\npanic of the boot before"))
        skipping.call_later(1.2, lambda status=status: port.say(status))  # type: ignore[misc]
        if match is None:
            console.wait_for("E:0:", LIMIT_S, crash_expected=False)
        else:
            with pytest.raises(DeviceCrashed, match=match):
                console.wait_for("E:0:", LIMIT_S)
            console.power_changes()
    console.check()


def test_a_crash_between_two_waits_is_told_by_the_next_one(console: Console, port: Port) -> None:
    console.fail_on("panic", [FailingPattern.of("panic")])
    port.say(b"ready panic\ndone\n")
    assert console.wait_for("ready", LIMIT_S).start == 0, "it came before the panic"
    with pytest.raises(DeviceCrashed) as caught:
        console.wait_for("done", LIMIT_S)
    assert str(caught.value).startswith("The device crashed while 'done' was awaited: console 'console' said 'ready p")
    assert console.wait_for("done", LIMIT_S).start == 12


def test_whoever_waits_for_a_crash_gets_it(console: Console, port: Port) -> None:
    console.fail_on("panic", [FailingPattern.of("panic")])
    port.say(b"[1.0] kernel panic: because\nmore\n")
    assert console.wait_for("regexp:kernel panic.*", LIMIT_S).text == "kernel panic: because"
    console.check()
    console.wait_for("more", LIMIT_S)


def test_failing_patterns_are_taken_back(console: Console, port: Port) -> None:
    console.fail_on("one", [FailingPattern.of("panic")])
    console.fail_on("two", [FailingPattern.of("oops")])
    assert console.failing() == ["one", "two"]
    assert console.accept("one")
    assert not console.accept("one")
    port.say(b"panic\nready\n")
    console.wait_for("ready", LIMIT_S)
    assert console.accept()
    port.say(b"oops\nready\n")
    console.wait_for("ready", LIMIT_S)


def test_a_trace_ends_where_its_time_ended(
    console: Console, port: Port, eventually: Any, skipping: MovableClock
) -> None:
    console.fail_on("panic", [FailingPattern.of("panic")])
    port.say("panic\ntrace\n")
    eventually(all_at_rest)
    skipping.advance(console.timing.trace_silence + 0.1)
    port.say("much later\n")
    eventually(all_at_rest)
    error = console.crash()
    assert error is not None
    assert error.trace == "panic\ntrace"


def test_a_long_trace_is_cut_in_the_message(console: Console, port: Port) -> None:
    console.fail_on("panic", [FailingPattern.of("panic")])
    port.say(b"panic\n" + b"x\n" * 400)
    with pytest.raises(DeviceCrashed, match=r"\n  x\n  \.\.\. and 101 lines more, in the transcript\.$"):
        console.wait_for("never", LIMIT_S)


def test_a_stream_that_ends_with_a_crash(console: Console, port: Port, skipping: MovableClock) -> None:
    console.fail_on("panic", [FailingPattern.of("panic")])
    port.say("panic\nlast words", None)
    with pytest.raises(DeviceCrashed, match=r"last words$"):
        console.wait_for("never", LIMIT_S)
    assert skipping.seconds() == 0.0, "more was waited for"


# Writing


def test_writing(console: Console, port: Port, eventually: Any) -> None:
    data = random.Random(1).randbytes(2 * 1024 * 1024 + 5)
    console.write(b"reboot\n")
    console.write(data)
    console.write(b"")
    eventually(lambda: len(port.got) == len(data) + 7)
    assert port.got == b"reboot\n" + data


def test_what_was_written_last_arrives(device_with: Callable[..., Device], unskipped: MovableClock) -> None:
    for number in range(10):
        port = Port()
        device = device_with({"console": port})
        device.console().write(b"reboot %d\n" % number)
        device.close()
        assert port.got == b"reboot %d\n" % number


def test_a_port_that_takes_nothing(device_with: Callable[..., Device], skipping: MovableClock) -> None:
    class Full(Port):
        async def take(self, data: bytes) -> None:
            await asyncio.Event().wait()

    device = device_with({"console": Full()})
    console = device.console()
    with skipping.skipping():
        with pytest.raises(OperationTimeout) as caught:
            console.write(bytes(16 << 20), timeout=30)
        device.close()
    assert str(caught.value) == "The far side of the byte stream took no data for 30 seconds."


# The end


def test_a_stream_that_ends(console: Console, port: Port) -> None:
    port.say(b"last words", None)
    assert console.wait_for("last words", LIMIT_S).start == 0
    with pytest.raises(LinkError) as caught:
        console.wait_for("more", LIMIT_S)
    assert str(caught.value) == ("The exporter ended the stream of console 'console' while waiting for 'more'.")
    with pytest.raises(LinkError) as caught:
        console.write(b"x")
    assert str(caught.value) == "The exporter ended the stream of console 'console'."
    with pytest.raises(
        LinkError, match=r"^The exporter ended the stream of console 'console' while waiting for 'x'\.$"
    ):
        console.must_not_say("x", LIMIT_S)
    console.must_not_say("x", 0)
    assert console.text(0) == "last words"


def test_closing_wakes_whoever_waits(console: Console, port: Port) -> None:
    errors: list[str] = []

    def wait() -> None:
        with pytest.raises(LinkError) as caught:
            console.wait_for("never", LIMIT_S)
        errors.append(str(caught.value))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    console.close()
    console.close()
    waiting.join(LIMIT_S)
    assert errors == ["Console 'console' was closed while waiting for 'never'."]
    assert port.closed.wait(LIMIT_S)


def test_a_console_that_cannot_be_opened(device_with: Callable[..., Device], tmp_path: Path) -> None:
    class Absent(Port):
        def begin(self) -> None:
            raise ConnectionError("no such port")

    device = device_with({"console": Absent(), "power": MockPower()})
    device.transcripts = tmp_path
    with pytest.raises(DriverError) as caught:
        device.console()
    assert str(caught.value) == (
        "'connect' of driver 'console' failed on the exporter: Unexpected <class 'ConnectionError'>: no such port."
    )
    with pytest.raises(DriverMethodNotImplemented, match=r"^Driver 'power' has no stream method 'connect': "):
        device.console("power")


# The transcript


def test_the_transcript_has_every_byte(device: Device, port: Port, tmp_path: Path, eventually: Any) -> None:
    device.transcripts = tmp_path / "deep" / "folder"
    console = device.console()
    port.watch(console)
    chunks = [b"\x1b[1mboot\x1b[0m\r\n", b"\xff\x00\xfe", random.Random(1).randbytes(100_000), b"\r"]
    port.say(*chunks)
    path = device.transcripts / "console.log"
    eventually(lambda: path.read_bytes() == b"".join(chunks))
    console.close()
    assert path.read_bytes() == b"".join(chunks)


def test_a_transcript_is_continued(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"before")
    Console(device.driver("console"), path).close()
    assert path.read_bytes() == b"before"


def test_a_transcript_that_cannot_be_opened(device: Device, port: Port, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "x.log"
    with pytest.raises(ConfigurationError) as caught:
        Console(device.driver("console"), path)
    assert (
        str(caught.value) == f"The transcript '{path}' cannot be written: File exists. Choose another output directory."
    )
    assert port not in Port.opened, "the port was opened and left so"


def test_what_was_typed_is_in_the_timed_transcript_but_no_secret(
    device: Device, port: Port, tmp_path: Path, eventually: Any
) -> None:
    device.transcripts = tmp_path
    console = device.console()
    port.watch(console)
    console.write(b"root\n")
    console.write(b"hunter42\n", secret=True)
    port.say(b"sh: hunter42: not found\r\n")
    eventually(lambda: console.end == 24)
    console.mark("here")
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for("login:", LIMIT_S, since=0)
    assert "  sh: ********: not found" in str(caught.value)
    with pytest.raises(ConsoleMismatch) as caught:
        console.must_not_say("hunter42", 0, since=0)
    assert str(caught.value) == (
        "Console 'console' said '********', which it should not. The line was: 'sh: ********: not found'."
    )
    assert console.text(0) == "sh: hunter42: not found\n"
    assert console.shown(0) == "sh: ********: not found\n"
    console.close()
    timed = (tmp_path / "console.timed.log").read_text().splitlines()
    assert [line[24:] for line in timed] == [
        r"> root\n",
        "> ********",
        "< sh: ********: not found",
        "= mark here",
    ]
    assert b"hunter42" not in (tmp_path / "console.log").read_bytes()


def test_the_memory_of_a_console_is_bounded(
    device: Device, port: Port, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(recording_module, "HISTORY", 1000)
    console = device.console()
    port.watch(console)
    port.say(*(b"%04d\n" % number for number in range(1000)))
    eventually(lambda: console.end == 5000)
    assert len(console.text(0)) <= 1000
    assert console.wait_for("0999", 0).start == 4995
    with pytest.raises(ConsoleMismatch):
        console.wait_for("0001", 0, since=0)


def test_the_late_end_of_a_stream_that_was_given_up_ends_nothing(console: Console, port: Port) -> None:
    recording = console._recording
    gone: Any = iter(())
    recording._read(gone)
    assert not recording.ended
    port.say(b"still here\n")
    assert console.wait_for("still here", LIMIT_S)


def test_a_transcript_on_a_full_disk_is_told_at_once(
    device: Device, port: Port, tmp_path: Path, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """By an event, which the main thread shows; and nothing of what was said is lost to the waits."""
    (tmp_path / "console.log").symlink_to("/dev/full")
    told: list[Notice] = []
    device.link.events.subscribe(told.append, Notice)  # type: ignore[arg-type]
    device.transcripts = tmp_path
    console = device.console()
    port.watch(console)
    port.say(b"board login: ")
    console.wait_for("login:", 10)
    eventually(lambda: told)
    assert [(notice.level, notice.console) for notice in told] == [("WARN", True)]
    assert told[0].text.startswith(f"The transcript '{tmp_path / 'console.log'}' of console 'console' ends here: No ")
    port.say(b"more\n")
    console.wait_for("more", 10)
    assert len(told) == 1
