"""Typing: whole lines, echoes with something missing, nothing that comes back, and what is typed once only."""

from __future__ import annotations

from typing import Any

import pytest

from JumpstarterLibrary.client import Console
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.client.consoles.keyboard import TypingOptions, control_character, type_text
from JumpstarterLibrary.errors import ConsoleMismatch, DeviceCrashed, UsageError
from JumpstarterLibrary.types import Echo
from utest.client.serial_port import Port

ERASE = 0x15

pytestmark = pytest.mark.usefixtures("skipping")


class Terminal:
    """Echoes what is typed, and remembers the lines that were finished.

    Attributes:
        lines: What was finished with a line end.
        faults: Changes what is kept and echoed of the next lines: one for each try.
    """

    def __init__(self, port: Port, *faults: Any) -> None:
        self.lines: list[bytes] = []
        self.faults = list(faults)
        self._line = b""
        port.answer = self._answer

    def _answer(self, data: bytes) -> bytes:
        back = b""
        text = data.rstrip(b"\n")
        if text and text[0] == ERASE:
            self._line = b""
            return b"\r\n# "
        if text:
            kept = self.faults.pop(0)(text) if self.faults else text
            self._line += kept
            back = kept
        if data.endswith(b"\n"):
            self.lines.append(self._line)
            self._line = b""
            back += b"\r\n# "
        return back


def lost_first(text: bytes) -> bytes:
    return text[1:]


def lost_middle(text: bytes) -> bytes:
    return text[:3] + text[4:]


def noisy(text: bytes) -> bytes:
    return text[:3] + b"[   12.345678] usb 1-1: new device\r\n" + text[3:]


def test_a_line_that_comes_back_whole(console: Console, port: Port) -> None:
    terminal = Terminal(port)
    assert type_text(console, "reboot now", TypingOptions(), timeout=5)
    console.wait_for("# ", 5)
    assert terminal.lines == [b"reboot now"]


def test_several_lines_and_a_rest(console: Console, port: Port, eventually: Any) -> None:
    terminal = Terminal(port)
    type_text(console, "one\n\ntwo\nrest", TypingOptions(), newline=False, timeout=5)
    eventually(lambda: port.got == b"one\n\ntwo\nrest")
    assert terminal.lines == [b"one", b"", b"two"]


@pytest.mark.parametrize("fault", [lost_first, lost_middle])
def test_a_line_with_something_missing_is_typed_again(
    console: Console, port: Port, fault: Any, caplog: pytest.LogCaptureFixture, eventually: Any
) -> None:
    terminal = Terminal(port, fault, fault)
    assert type_text(console, "reboot now", TypingOptions(), timeout=5)
    eventually(lambda: bytes(port.got) == b"reboot now\x15reboot now\x15reboot now\n")
    assert terminal.lines == [b"reboot now"]
    came = fault(b"reboot now").decode()
    message = f"'reboot now' came back as '{came}' on console 'console'; it is typed again."
    assert message in [record.getMessage() for record in caplog.records]


def test_a_line_that_never_comes_back_whole(console: Console, port: Port) -> None:
    terminal = Terminal(port, *[lost_first] * 9)
    with pytest.raises(ConsoleMismatch) as caught:
        type_text(console, "reboot", TypingOptions(), timeout=10)
    assert str(caught.value) == (
        "'reboot' was typed 4 times on console 'console' and did not come back whole, but as 'eboot'. The line was "
        "erased, nothing was done. Type slower with char_delay=, or do not look at the echo."
    )
    assert terminal.lines == []


def test_what_is_typed_once_is_never_typed_again(console: Console, port: Port) -> None:
    terminal = Terminal(port, lost_first)
    with pytest.raises(ConsoleMismatch, match=r"^'reboot' was typed once on console 'console' and "):
        type_text(console, "reboot", TypingOptions(again=0), timeout=5)
    assert bytes(port.got) == b"reboot\x15"
    assert terminal.lines == []


def test_kernel_messages_are_no_faults(console: Console, port: Port) -> None:
    Terminal(port, noisy)
    assert type_text(console, "echo hello", TypingOptions(), timeout=5)
    assert port.got.count(b"echo") == 1


@pytest.mark.parametrize("wrap", [" \\r", "\\r\\n"])
@pytest.mark.parametrize("at", range(38, 46))
def test_wrapped_lines_are_no_faults(console: Console, port: Port, wrap: str, at: int) -> None:
    text = "echo this line is longer than what a term shows; sh -c 'exit 10'"
    ends = wrap.encode().decode("unicode_escape").encode()
    port.answer = lambda data: data[:at] + ends + data[at:] if len(data) > at else data
    assert type_text(console, text, TypingOptions(), timeout=5)
    assert port.got.count(b"echo") == 1


def test_a_long_line_without_its_first_character_is_no_whole_one(console: Console, port: Port, eventually: Any) -> None:
    terminal = Terminal(port, lost_first)
    text = "echo this line is longer than what a terminal shows"
    port.say(b"the prompt has an e # ")
    assert type_text(console, text, TypingOptions(), timeout=5)
    eventually(lambda: terminal.lines == [text.encode()])
    assert port.got.count(b"echo") == 2


def test_a_line_that_an_editor_types_over(console: Console, port: Port) -> None:
    port.answer = lambda data: data[:7] + data[7:8] + b"\b" + data[7:]
    assert type_text(console, "echo hello", TypingOptions(), timeout=5)
    assert port.got.count(b"echo") == 1


def test_where_nothing_comes_back_there_is_no_look_at_it(
    console: Console, port: Port, eventually: Any, skipping: MovableClock
) -> None:
    assert not type_text(console, "secret word\nsecond", TypingOptions(), timeout=5)
    eventually(lambda: port.got == b"secret word\nsecond\n")
    assert skipping.seconds() == pytest.approx(console.timing.echo_timeout)


def test_something_else_that_comes_meanwhile_is_no_echo(console: Console, port: Port, eventually: Any) -> None:
    port.answer = lambda data: b"Starting network: OK\r\n" if data != b"\n" else b""
    assert not type_text(console, "reboot", TypingOptions(), timeout=5)
    assert port.got.count(b"reboot") == 1


def test_an_echo_that_is_wanted_and_does_not_come(console: Console, port: Port) -> None:
    with pytest.raises(ConsoleMismatch, match=r" did not come back whole, but as ''\. "):
        type_text(console, "reboot", TypingOptions(echo=Echo.yes), timeout=5)
    assert port.got == b"reboot\x15" * 4


@pytest.mark.parametrize(
    ("text", "manner", "options", "typed"),
    [
        ("reboot", TypingOptions(echo=Echo.no), {}, b"reboot\n"),
        ("a\tb", TypingOptions(), {}, b"a\tb\n"),
        ("", TypingOptions(), {}, b"\n"),
        ("x", TypingOptions(), {"newline": False}, b"x"),
        ("word", TypingOptions(), {"secret": True}, b"word\n"),
    ],
)
def test_what_is_typed_as_it_is(
    console: Console,
    port: Port,
    eventually: Any,
    skipping: MovableClock,
    text: str,
    manner: TypingOptions,
    options: dict[str, Any],
    typed: bytes,
) -> None:
    type_text(console, text, manner, timeout=5, **options)
    assert skipping.seconds() == 0.0, "an echo was awaited"
    eventually(lambda: bytes(port.got) == typed)


def test_one_character_after_the_other(console: Console, port: Port, eventually: Any, skipping: MovableClock) -> None:
    pieces: list[tuple[float, bytes]] = []

    def answer(data: bytes) -> bytes:
        pieces.append((skipping.seconds(), data))
        return data

    port.answer = answer
    type_text(console, "grün", TypingOptions(char_delay=0.5), timeout=5)
    eventually(lambda: b"".join(data for _, data in pieces) == "grün\n".encode())
    assert all(len(data) == 1 for _, data in pieces)
    assert [seconds for seconds, _ in pieces] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("c", b"\x03"),
        ("C", b"\x03"),
        ("ctrl-c", b"\x03"),
        ("Ctrl+C", b"\x03"),
        ("^C", b"\x03"),
        ("^", b"\x1e"),
        ("[", b"\x1b"),
        ("@", b"\0"),
        ("?", b"\x7f"),
    ],
)
def test_control_characters(name: str, data: bytes) -> None:
    assert control_character(name) == data


@pytest.mark.parametrize("name", ["", "cc", "1", "ä"])
def test_what_is_no_control_character(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        control_character(name)
    assert str(caught.value) == (
        f"There is no control character '{name}'. Give the key that is pressed with Ctrl: one letter, or one of "
        f"@ [ \\ ] ^ _ ?."
    )


def test_what_cannot_be_typed(console: Console) -> None:
    with pytest.raises(UsageError, match=r"^The text cannot be typed: surrogates not allowed at character 1\.$"):
        type_text(console, "a\ud800", TypingOptions())


def test_the_echo_of_a_failing_pattern_is_no_crash(console: Console, port: Port) -> None:
    port.answer = lambda data: data.replace(b"\n", b"\r\n3\r\n")
    console.fail_on("ERRORWORD", [FailingPattern.of("ERRORWORD")])
    assert type_text(console, "grep -c ERRORWORD log", TypingOptions(), timeout=5)
    console.wait_for("regexp:^3$", 5)
    port.say(b"ERRORWORD\n")
    with pytest.raises(DeviceCrashed, match=r"console 'console' said 'ERRORWORD' \(failing pattern 'ERRORWORD'\)"):
        console.wait_for("never", 5)


def test_an_escape_sequence_that_has_only_begun_when_a_line_is_typed(console: Console, port: Port) -> None:
    port.say(b"/ # \x1b[")
    console.wait_for("/ # ", 5)
    port.answer = lambda data: b"6n" + data
    assert type_text(console, "reboot", TypingOptions(), timeout=5)
    assert port.got.count(b"reboot") == 1
