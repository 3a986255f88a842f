"""Boards for the tests of the boot: virtual ones, and U-Boot's side of a serial line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.states import DeviceStates, states_of
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from utest.client.serial_port import Port, watch_board


class Line:
    """U-Boot's side of a line: echoes, edits with Ctrl-U, and answers lines.

    Args:
        commands: Output and status by command.
        limit: Characters of a line; what is typed beyond is not taken.
        prompt: The prompt.
        hush: Whether it has the parser that knows comments and the status.
        echo_command: Whether it has the command ``echo``.
        enter: The characters that end a line.
        line_end: How it ends its own lines.
        blank: What it prints before any output.

    Attributes:
        ran: The lines that were entered; an empty one repeats the last command.
    """

    def __init__(
        self,
        commands: dict[str, tuple[str, int]] | None = None,
        limit: int = 500,
        *,
        prompt: str = "=> ",
        hush: bool = True,
        echo_command: bool = True,
        enter: str = "\r\n",
        line_end: str = "\r\n",
        blank: str = "",
    ) -> None:
        self.commands = commands or {}
        self.ran: list[str] = []
        self._limit = limit
        self._line = ""
        self._status = 0
        self._prompt, self._hush, self._echo_command = prompt, hush, echo_command
        self._enter, self._line_end, self._blank = enter, line_end, blank

    def __call__(self, data: bytes) -> bytes:
        return b"".join(self._key(character) for character in data.decode()) if data else b""

    def _key(self, key: str) -> bytes:
        if key == "\x15":
            gone, self._line = len(self._line), ""
            return b"\b \b" * gone
        if key == "\x03":
            self._line = ""
            return self._said(f"<INTERRUPT>\n{self._prompt}")
        if key not in "\r\n":
            if len(self._line) >= self._limit:
                return b"\a"
            self._line += key
            return key.encode()
        if key not in self._enter:
            return b""
        line, self._line = self._line, ""
        return self._said(f"\n{self._blank}{self._run(line)}{self._prompt}")

    def _said(self, text: str) -> bytes:
        return text.replace("\n", self._line_end).encode()

    def _run(self, line: str) -> str:
        self.ran.append(line)
        if line.startswith("#") and self._hush:
            return ""
        if line.startswith("echo ") and self._echo_command:
            return line.removeprefix("echo ").replace("$?", str(self._status) if self._hush else "$?") + "\n"
        word = line.partition(" ")[0]
        output, self._status = self.commands.get(line, (f"Unknown command '{word}' - try 'help'\n", 1))
        return output


@pytest.fixture
def device(port: Port, device_with: Callable[..., Device]) -> Device:
    """A device with the port and a power driver; the console is open."""
    device = device_with({"console": port, "power": MockPower()})
    port.watch(device.console())
    return device


@pytest.fixture
def states(device: Device) -> DeviceStates:
    """The states of that device's board."""
    return states_of(device)


@pytest.fixture
def virtual(device_with: Callable[..., Device]) -> Callable[..., Device]:
    """Start a virtual board with some settings, and connect to it; the console is open.

    A test that stops the boot gives it a long ``bootdelay``: it passes in real time, which a busy machine needs.
    """

    def start(**settings: Any) -> Device:
        board = VirtualBoard(**{"preinstalled": True, "speed": 50.0, **settings})
        device = device_with({"board": board})
        watch_board(board, device.console())
        return device

    return start
