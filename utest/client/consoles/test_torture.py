"""A console under torture: nothing is lost, nothing is found that is not there, whatever the device does.

Every test prints its seed; ``TORTURE_SEED=123 pytest utest/client/consoles/test_torture.py`` repeats it. With
``TORTURE_SCALE=10``, ten times as much is said and run.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device, clock
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.client.text import Normaliser
from utest.client.serial_port import Port

LIMIT_S = 30.0
ROUNDS = 2
SCALE = int(os.environ.get("TORTURE_SCALE", "1"))

GARBAGE = (
    b"\xff\xfe",
    b"\x00",
    b"\x07",
    b"\b",
    b"\b \b",
    b"\x1b[31m",
    b"\x1b]0;title\x07",
    b"\x1b",
    b"\x1b[",
    b"\r",
    b"\r\r\n",
    b"\xf0\x9f",
)
WORDS = (
    b"usb 1-1: new device",
    "grün 😀".encode(),
    b"login:",
    b"# ",
    b"=> ",
    b"\r\n",
    b"\n",
    b"  ",
    b"[OK]",
    b"0123456789" * 20,
)
SIZES = (1, 1, 1, 2, 3, 7, 64, 1000, 5000)


@pytest.fixture(params=range(ROUNDS))
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Chance, with its seed on standard error, which pytest shows when a test fails."""
    seed = int(os.environ.get("TORTURE_SEED", random.randrange(2**32)))
    sys.stderr.write(f"TORTURE_SEED={seed}\n")
    return random.Random(seed)


@pytest.fixture
def console(device: Device, port: Port, tmp_path: Path) -> Console:
    device.transcripts = tmp_path
    console = device.console()
    port.watch(console)
    return console


def pieces(data: bytes, dice: random.Random) -> Iterator[bytes]:
    """Cut bytes anywhere."""
    sizes = dice.choice((SIZES, SIZES[:3], SIZES[-2:]))
    at = 0
    while at < len(data):
        size = dice.choice(sizes)
        yield data[at : at + size]
        at += size


def babble(dice: random.Random, count: int, planted: list[bytes]) -> bytes:
    """Return words and garbage, with some texts planted in them in their order."""
    parts = [dice.choice(GARBAGE if dice.random() < 0.2 else WORDS) for _ in range(count)]
    for number, text in enumerate(planted):
        # A line end before: garbage may be the beginning of an escape sequence, which would swallow it.
        parts.insert((number + 1) * len(parts) // (len(planted) + 1), b"\r\n" + text + b"\r\n")
    return b"".join(parts)


def speak(port: Port, data: bytes, dice: random.Random) -> threading.Thread:
    """Say bytes in pieces, from a thread, with pauses here and there."""

    pause = threading.Event()

    def run() -> None:
        for piece in pieces(data, dice):
            port.say(piece)
            if dice.random() < 0.002:
                pause.wait(dice.random() * 0.05)  # real: what is said and what is heard meet at any moment

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def has_size(path: Path, size: int) -> bool:
    return path.stat().st_size == size


def lines_of(timed: Path) -> str:
    """Return the text of the received lines of a timed transcript."""
    text = ""
    for line in timed.read_text().split("\n"):
        sign, _, rest = line[24:].partition(" ")
        if sign in "<+" and sign:
            text += f"\n{rest}" if sign == "<" else rest
    return text.removeprefix("\n")


def test_every_byte_is_kept_and_every_text_is_found(
    console: Console, port: Port, dice: random.Random, tmp_path: Path, eventually: Any
) -> None:
    texts = [f"needle-{number}-{dice.randrange(10**6)}" for number in range(20)]
    data = babble(dice, 400 * SCALE, [text.encode() for text in texts])
    speaking = speak(port, data, dice)
    for number, text in enumerate(texts):
        kind = dice.randrange(4)
        if kind == 0:
            assert console.wait_for(text, LIMIT_S).text == text
        elif kind == 1:
            match = console.wait_for(rf"regexp:^needle-(?P<number>{number})-\d+$", LIMIT_S)
            assert (match.text, match.groups) == (text, {"number": str(number)})
        elif kind == 2:
            wanted = [Pattern("never said", "NEVER"), Pattern(f"regexp:needle-{number}-\\d+", "FOUND")]
            _, match = console.wait_for_any(wanted, LIMIT_S)
            assert (match.name, match.text) == ("FOUND", text)
        else:
            console.must_not_say("never said", 0)
            match = console.wait_for(rf"regexp:(?s)\n{text}\n", LIMIT_S)
            assert match.text == f"\n{text}\n"
    speaking.join(LIMIT_S)
    port.say(b"\x07\x07the end\r\n")
    console.wait_for("the end\n", LIMIT_S)
    whole = data + b"\x07\x07the end\r\n"
    assert console.text(0) == Normaliser().feed(whole)
    console.close()
    raw = (tmp_path / "console.log").read_bytes()
    assert hashlib.sha256(raw).digest() == hashlib.sha256(whole).digest()
    # A lone line feed within a line of the file would look like its end; there is none, except where lines end.
    assert lines_of(tmp_path / "console.timed.log") == Normaliser().feed(whole).rstrip("\n")


@pytest.mark.usefixtures("skipping")
def test_silence_is_told_and_nothing_of_before_is_lost(console: Console, port: Port, dice: random.Random) -> None:
    for number in range(5):
        data = babble(dice, 50, [b"planted %d" % number])
        speak(port, data, dice).join(LIMIT_S)
        console.wait_for(f"planted {number}", LIMIT_S)
        with pytest.raises(AssertionError, match=r"^No match for 'never said' on console 'console' in 30 seconds\. "):
            console.wait_for("never said", LIMIT_S)
        assert console.wait_for(f"planted {number}", 0, since=0).text == f"planted {number}"


@pytest.mark.usefixtures("skipping")
def test_reconnections_lose_nothing_that_came(
    console: Console, port: Port, dice: random.Random, tmp_path: Path, eventually: Any
) -> None:
    whole, expected = b"", ""
    for number in range(6):
        data = babble(dice, 100 * SCALE, [b"chapter %d" % number]) + b"\x07\x07\n"
        whole += data
        expected += Normaliser().feed(data)
        speak(port, data, dice).join(LIMIT_S)
        console.wait_for(f"chapter {number}", LIMIT_S, since=0)
        eventually(partial(has_size, tmp_path / "console.log", len(whole)))
        port.say(None)
        eventually(lambda: console.gone)
        console.resume()
        expected += "\n[gap S s]\n"
    port.say(b"last\n")
    console.wait_for("last\n", LIMIT_S)
    assert re.sub(r"\[gap \d\.\d s\]", "[gap S s]", console.text(0)) == expected + "last\n"
    console.close()
    assert (tmp_path / "console.log").read_bytes() == whole + b"last\n"
    assert (tmp_path / "console.timed.log").read_text().count(" = gap of ") == 6


class NoisyShell:
    """A shell that runs what is typed, with kernel messages between any two bytes of all that it says.

    Attributes:
        noise: How many messages came out.
        stdout: What the last command printed.
        status: Its status.
    """

    MARKERS = re.compile(
        rb""":; \{ \\echo "JMP""(?P<token>\w+)B"; \} 2>&-; command eval '(?P<command>.*?)' """
        rb"""&& \{ \\echo "\nJMP""\w+E:0:"; \} 2>&- \|\| \{ \\echo "\nJMP""\w+E:\$\?:"; \} 2>&-\n""",
        re.DOTALL,
    )
    PROBE = re.compile(rb'echo JMP""(?P<token>\w+)E:\$\(echo 42\):\n')

    def __init__(self, port: Port, dice: random.Random) -> None:
        self.noise = 0
        self.stdout, self.status = "", 0
        self._dice = dice
        self._port = port
        self._stamp = 100.0
        self._line = b""
        port.answer = self._answer

    def message(self) -> bytes:
        """Return one of the kernel's messages; its time is the present one."""
        self._stamp = max(self._stamp + 0.001, 100.0 + clock.seconds())
        text = self._dice.choice((b"usb 1-1: new device", b"noise", b"", b"eth0: link up [x]", b"$? JMP:0:"))
        self.noise += 1
        return b"[%12.6f] %s\r\n" % (self._stamp, text)

    def _say(self, data: bytes) -> None:
        rate = self._dice.choice((0, 0.005, 0.05))
        noisy = bytearray()
        for index in range(len(data)):
            # Not within a character, and not within an escape sequence: consoles do not print there either.
            if self._dice.random() < rate and data[index] < 0x80 and b"\x1b" not in data[max(0, index - 3) : index]:
                noisy += self.message()
            noisy.append(data[index])
        for piece in pieces(bytes(noisy), self._dice):
            self._port.say(piece)

    def _answer(self, data: bytes) -> bytes:
        if b"\x03" in data:
            self._line = b""
            self._say(b"^C\r\n# ")
            return b""
        self._line += data
        echo = data.replace(b"\n", b"\r\n")
        if found := self.MARKERS.search(self._line):
            self._line = b""
            token = found["token"]
            printed = self._output()
            self._say(echo + b"\x1b[?2004l\rJMP" + token + b"B\r\n" + printed.replace(b"\n", b"\r\n"))
            self._say(b"\r\nJMP" + token + b"E:%d:\r\n\x1b[?2004h# " % self.status)
        elif probe := self.PROBE.search(self._line):
            self._line = b""
            self._say(echo + b"JMP" + probe["token"] + b"E:42:\r\n# ")
        elif data.endswith(b"\n"):
            unfinished = b"{" in self._line
            self._line = self._line if unfinished else b""
            self._say(echo + (b"> " if unfinished else b"# "))
        else:
            self._say(echo)
        return b""

    def _output(self) -> bytes:
        words = (
            "one",
            " ",
            "two\n",
            "\n",
            "grün",
            "[   55.000000] an old message\n",
            "x" * 300,
            "# ",
            "> ",
            "JMP",
            "E:0:\n",
        )
        self.stdout = "".join(self._dice.choices(words, k=self._dice.choice((0, 1, 3, 40))))
        self.status = self._dice.randrange(256)
        return self.stdout.encode()


@pytest.mark.usefixtures("skipping")
def test_commands_in_noise_give_exactly_what_they_print(console: Console, port: Port, dice: random.Random) -> None:
    shell = NoisyShell(port, dice)
    port.say(shell.message())
    console.wait_for("\n", LIMIT_S)
    for number in range(12 * SCALE):
        result = run_command(console, f"command {number}", LIMIT_S)
        assert result.stdout == shell.stdout.removesuffix("\n")
        assert result.status == shell.status
        assert "an old message" not in result.kernel
    assert shell.noise > 20


@pytest.fixture
def loop_of_ones(port: Port) -> Callable[[bytes], None]:
    """Say bytes one by one, each in a frame of its own."""

    def say(data: bytes) -> None:
        for index in range(len(data)):
            port.say(data[index : index + 1])

    return say


@pytest.mark.usefixtures("skipping")
def test_frames_of_one_byte(console: Console, loop_of_ones: Callable[[bytes], None], dice: random.Random) -> None:
    data = babble(dice, 200, [b"first", b"second"])
    loop_of_ones(data + b"\x07\x07 last\n")
    for text in ("first", r"regexp:^second$", " last\n"):
        console.wait_for(text, LIMIT_S)
    assert console.text(0) == Normaliser().feed(data + b"\x07\x07 last\n")
