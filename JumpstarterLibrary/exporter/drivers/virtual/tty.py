"""The board's side of its console: typed bytes become lines, with echo and line editing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntEnum

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire

TYPE_AHEAD = 64 * 1024
"""Bytes that wait until the board reads them; what is typed beyond is lost."""

LINE_LIMIT = 4095
"""Bytes of one line; what is typed beyond rings the bell."""

LAST_OF_SEQUENCE = 0x40
"""What arrow and function keys send after ESC [ ends with a byte from here on."""


class Key(IntEnum):
    """Bytes that are not text."""

    NONE = 0
    CTRL_C = 3
    CTRL_D = 4
    BELL = 7
    BACKSPACE = 8
    LF = 10
    CR = 13
    CTRL_U = 21
    CTRL_W = 23
    ESC = 27
    SPACE = 32
    DELETE = 127
    SEQUENCE = 256
    """No byte: between ESC [ and the last byte of an arrow or function key."""


class Interrupted(Exception):
    """Ctrl-C was typed."""


class EndOfInput(Exception):
    """Ctrl-D was typed on an empty line."""


class Tty:
    """Reads what is typed, writes with CR LF at line ends.

    Attributes:
        echo: Whether typed characters are shown; ``stty -echo`` clears it.
        waiting: Whether a line is read, however long that takes, and all that was typed of it was taken.
        interruption: Called when something is printed; the kernel line that it returns comes out in the middle of that.
    """

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self.echo = True
        self.waiting = False
        self.interruption: Callable[[], bytes] = bytes
        self._wire = wire
        self._clock = clock
        self._typed = bytearray()
        self._arrived = asyncio.Event()
        self._interrupt = asyncio.Event()
        self._busy = False
        self._previous: int = Key.NONE

    def feed(self, data: bytes) -> None:
        """Take typed bytes. While a command runs, Ctrl-C goes to the command and drops what was typed before it."""
        if self._busy and (end := data.rfind(Key.CTRL_C)) >= 0:
            self._typed.clear()
            self._interrupt.set()
            data = data[end + 1 :]
        self._typed += data[: TYPE_AHEAD - len(self._typed)]
        if self._typed:
            self.waiting = False
            self._arrived.set()

    def flush(self) -> None:
        """Forget what was typed and not read."""
        self._typed.clear()
        self._arrived.clear()

    async def write(self, text: str) -> None:
        """Print text; a line feed becomes CR LF.

        Raises:
            Interrupted: A command is printing, and Ctrl-C was typed.
        """
        await self._print(text.replace("\n", "\r\n").encode())
        if self._interrupt.is_set():
            raise Interrupted

    async def key(self, within: float) -> bool:
        """Tell whether a key is pressed within so many board seconds, and take that one key."""
        try:
            async with self._clock.limit(within):
                await self._wait_for_input()
        except TimeoutError:
            return False
        self._take(1)
        return True

    async def pause(self, seconds: float) -> None:
        """Let board seconds pass in a running command.

        Raises:
            Interrupted: Ctrl-C was typed.
        """
        try:
            async with self._clock.limit(seconds):
                await self._interrupt.wait()
        except TimeoutError:
            return
        raise Interrupted

    def start_command(self) -> None:
        """From now on Ctrl-C interrupts instead of editing."""
        self._busy = True
        self._interrupt.clear()

    def end_command(self) -> None:
        """From now on Ctrl-C edits."""
        self._busy = False
        self._interrupt.clear()

    async def read_line(self, prompt: str = "", *, secret: bool = False) -> str:
        """Print a prompt and return the next line, without its end.

        Args:
            prompt: What to print before.
            secret: Read a password: show nothing.

        Raises:
            Interrupted: Ctrl-C was typed.
            EndOfInput: Ctrl-D was typed on an empty line.
        """
        line = bytearray()
        busy, self._busy = self._busy, False
        try:
            await self.write(prompt)
            while (key := await self._edit(line, show=self.echo and not secret)) not in (Key.CR, Key.LF):
                if key == Key.CTRL_C:
                    raise Interrupted
                if key == Key.CTRL_D and not line:
                    raise EndOfInput
        finally:
            self._busy = busy
        await self._print(b"\r\n")
        return line.decode(errors="replace")

    async def _edit(self, line: bytearray, *, show: bool) -> int:
        """Apply what was typed up to the next control key, show it, and return that key (0: none yet)."""
        self.waiting = not self._typed
        try:
            await self._wait_for_input()
        finally:
            self.waiting = False
        if self._continues():
            return Key.NONE
        if text := self._take(self._length_of_text()):
            kept = text[: LINE_LIMIT - len(line)]
            line += kept
            answer = kept if len(kept) == len(text) else kept + bytes([Key.BELL])
        else:
            self._previous = self._take(1)[0]
            answer = self._control(self._previous, line)
        if show and answer:
            await self._print(answer)
        return Key.NONE if text else self._previous

    def _continues(self) -> bool:
        """Drop the rest of a key of several bytes: LF after CR, or what arrow and function keys send after ESC."""
        previous, self._previous = self._previous, Key.NONE
        first = self._typed[0]
        if previous == Key.SEQUENCE and first >= Key.SPACE:
            self._previous = Key.SEQUENCE if first < LAST_OF_SEQUENCE else Key.NONE
        elif previous == Key.ESC and first in b"[O":
            self._previous = Key.SEQUENCE
        elif (previous, first) != (Key.CR, Key.LF):
            return False
        self._take(1)
        return True

    async def _print(self, data: bytes) -> None:
        middle = len(data) // 2
        if line := self.interruption():
            data = data[:middle] + line + data[middle:]
        await self._wire.write(data)

    def _length_of_text(self) -> int:
        for index, byte in enumerate(self._typed):
            if byte < Key.SPACE or byte == Key.DELETE:
                return index
        return len(self._typed)

    def _control(self, key: int, line: bytearray) -> bytes:
        """Apply an editing key and return what it prints."""
        before = len(line.decode(errors="replace"))
        match key:
            case Key.BACKSPACE | Key.DELETE:
                _rub_out(line)
            case Key.CTRL_U:
                line.clear()
            case Key.CTRL_W:
                kept = line.rstrip(b" ").rpartition(b" ")
                line[:] = kept[0] + kept[1]
        return b"\b \b" * (before - len(line.decode(errors="replace")))

    async def _wait_for_input(self) -> None:
        while not self._typed:
            self._arrived.clear()
            await self._arrived.wait()

    def _take(self, count: int) -> bytes:
        taken = bytes(self._typed[:count])
        del self._typed[:count]
        return taken


def _rub_out(line: bytearray) -> None:
    while line and line[-1] & 0xC0 == 0x80:  # the tail of a UTF-8 character
        line.pop()
    if line:
        line.pop()
