"""Clients of serial ports: pexpect, pipes and the terminal."""

from __future__ import annotations

import io
import os
import pty
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from click.testing import CliRunner
from pytest_jumpstarter.upstream_api.clients.console import Console

from JumpstarterLibrary.errors import TransferError
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.serial import PySerial

Served = Callable[[Driver], Any]


class EchoPort(EchoNetwork):
    """A serial port whose data ends, unlike that of a real one."""

    client = classmethod(lambda cls: "jumpstarter_driver_pyserial.client.PySerialClient")


@pytest.fixture
def port(served: Served) -> Any:
    return served(PySerial(url="loop://"))


@pytest.fixture
def echo(served: Served) -> Any:
    return served(EchoPort())


def test_control_lines(port: Any, eventually: Callable[[Callable[[], object]], None]) -> None:
    lines: list[str] = []
    port.stub.device.link.events.subscribe(lambda event: lines.append(getattr(event, "message", "")))
    with port.log_stream():
        port.set_dtr(True)
        port.set_rts(False, timeout=10)
        eventually(lambda: {"DTR: on", "RTS: off"} <= set(lines))


def test_a_session_until_close(port: Any) -> None:
    session = port.open()
    session.sendline("hello")
    assert session.expect("hello", timeout=5) == 0
    port.close()
    with pytest.raises((OSError, ValueError)):
        session.sendline("late")


def test_a_session_that_nobody_closes(port: Any) -> None:
    session = port.open()
    session.sendline("hello")
    session.expect("hello", timeout=5)


def test_a_session_for_a_block(port: Any) -> None:
    with port.pexpect() as session:
        session.sendline("hello")
        session.expect("hello", timeout=5)


def piped(client: Any, *words: str, data: str = "") -> Any:
    return CliRunner().invoke(client.cli(), ["pipe", *words], input=data)


def test_a_pipe_to_a_file(echo: Any, tmp_path: Path) -> None:
    log = tmp_path / "serial.log"
    result = piped(echo, "-o", str(log), data="hello")
    assert result.exit_code == 0, result.output
    assert log.read_bytes() == b"hello"
    assert "Bidirectional mode (auto-detected piped stdin): standard input to the port, the port to " in result.output
    assert "The serial port's data has ended." in result.output
    piped(echo, "-o", str(log), "-a", data=" again")
    assert log.read_bytes() == b"hello again"


def test_a_pipe_to_the_standard_output(echo: Any) -> None:
    assert "hello" in piped(echo, data="hello").stdout


def test_only_sending(echo: Any) -> None:
    result = piped(echo, "--no-output", data="hello")
    assert result.exit_code == 0, result.output
    assert "Fire-and-forget mode" in result.output


def test_only_reading_until_interrupted(echo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def call(function: Any, *arguments: Any) -> None:
        assert arguments == (None, False, False, False)
        raise KeyboardInterrupt

    monkeypatch.setattr(echo.portal, "call", call, raising=False)
    result = piped(echo, "--no-input")
    assert "Reading from serial port to standard output (read-only). Ctrl+C to exit." in result.output
    assert "Stopped." in result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--input", "--no-input"], "Cannot use both --input and --no-input."),
        (["--no-output", "-o", "x"], "Cannot use both --no-output and --output."),
        (["--no-output", "-a"], "Cannot use both --no-output and --append."),
        (["-a"], "--append requires --output."),
        (["--no-output", "--no-input"], "--no-output requires stdin input: pipe something in, or use --input."),
    ],
)
def test_contradictions(echo: Any, words: list[str], sentence: str) -> None:
    result = piped(echo, *words)
    assert result.exit_code == 2
    assert sentence in result.output


def test_input_that_could_not_be_sent_is_told(echo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def half(stream: Any) -> tuple[int, int]:
        return 10, 5

    monkeypatch.setattr(echo, "_stdin_to_serial", half)
    with pytest.raises(TransferError, match="Only 5 of 10 bytes of the standard input were sent to the port"):
        echo.portal.call(echo._pipe_serial, None, True, False, True)


def test_a_port_that_breaks_is_told(echo: Any, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        async def receive(self) -> bytes:
            raise anyio.BrokenResourceError

    echo.portal.call(echo._serial_to_output, Broken(), None, False)
    assert capsys.readouterr().err == "\nThe connection to the serial port broke.\n"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put standard input and output on a terminal of our own, and return its other side's descriptor."""
    ours, theirs = pty.openpty()
    screen = io.BytesIO()
    with os.fdopen(theirs, "rb", buffering=0) as keyboard:

        def is_raw() -> bool:
            return not termios.tcgetattr(keyboard.fileno())[3] & termios.ICANON

        def start(client: Any) -> threading.Thread:
            monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=keyboard.fileno, buffer=keyboard))
            monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=screen, flush=lambda: None))
            running = threading.Thread(target=Console(client).run, daemon=True)
            running.start()
            return running

        yield SimpleNamespace(start=start, is_raw=is_raw, type=lambda text: os.write(ours, text), screen=screen)
        monkeypatch.undo()
    os.close(ours)


def test_the_terminal_until_ctrl_b_three_times(
    echo: Any, terminal: Any, eventually: Callable[[Callable[[], object]], None]
) -> None:
    running = terminal.start(echo)
    eventually(terminal.is_raw)
    terminal.type(b"hi\x02\x02x")
    eventually(lambda: terminal.screen.getvalue() == b"hi\x02\x02x")
    assert running.is_alive()
    terminal.type(b"\x02\x02\x02")
    running.join(5)
    assert not running.is_alive()
    assert not terminal.is_raw(), "the terminal was left as it is for consoles"


def test_the_terminal_until_the_data_ends(echo: Any, terminal: Any) -> None:
    async def nothing(self: Any) -> bytes:
        raise anyio.EndOfStream

    from pytest_jumpstarter.upstream_api.clients.coroutines import DriverByteStream

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DriverByteStream, "receive", nothing)
        running = terminal.start(echo)
        running.join(5)
        assert not running.is_alive()


def test_the_command(echo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Console, "run", lambda self: None)
    result = CliRunner().invoke(echo.cli(), ["start-console"])
    assert "Type Ctrl-B three times to leave." in result.output
