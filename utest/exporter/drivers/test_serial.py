from __future__ import annotations

import os
import select
import struct
import termios
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.drivers import serial as serial_module
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.drivers.tty import ThrottledStream

LIMIT_S = 10


@dataclass
class Pty:
    """A pseudo terminal: the test plays the device at its master end."""

    master: int
    slave: int

    @property
    def path(self) -> str:
        return os.ttyname(self.slave)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            assert select.select([self.master], [], [], LIMIT_S)[0], f"{len(data)} of {size} bytes arrived"
            data += os.read(self.master, size - len(data))
        return data

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data) :]

    def hang_up(self) -> None:
        for fd in (self.slave, self.master):
            if fd >= 0:
                os.close(fd)
        self.slave = self.master = -1


@pytest.fixture
def pty():
    pty = Pty(*os.openpty())
    yield pty
    pty.hang_up()


def test_label():
    assert PySerial.client() == "jumpstarter_driver_pyserial.client.PySerialClient"


def test_port_is_raw_in_both_directions(serving, pty):
    client = serving(PySerial(url=pty.path))
    everything = bytes(range(256))
    with client.stream() as stream:
        pty.write(everything)
        assert stream.receive_exactly(256) == everything
        stream.send(everything)
        assert pty.read(256) == everything


def test_port_settings(serving, pty):
    client = serving(PySerial(url=pty.path, baudrate=57600, disable_hupcl=True))
    mode = termios.tcgetattr(pty.slave)
    mode[2] |= termios.HUPCL | termios.CSTOPB
    termios.tcsetattr(pty.slave, termios.TCSANOW, mode)
    with client.stream():
        _, _, cflag, lflag, ispeed, ospeed, _ = termios.tcgetattr(pty.slave)
    assert (ispeed, ospeed, lflag) == (termios.B57600, termios.B57600, 0)
    assert cflag & termios.CSIZE == termios.CS8
    assert not cflag & (termios.CSTOPB | termios.PARENB | termios.CRTSCTS | termios.HUPCL)
    assert cflag & termios.CLOCAL


def test_hupcl_stays_unless_disabled(serving, pty):
    client = serving(PySerial(url=pty.path))
    mode = termios.tcgetattr(pty.slave)
    mode[2] |= termios.HUPCL
    termios.tcsetattr(pty.slave, termios.TCSANOW, mode)
    with client.stream():
        assert termios.tcgetattr(pty.slave)[2] & termios.HUPCL


def test_nothing_is_lost_when_the_client_reads_slowly(serving, pty):
    client, data = serving(PySerial(url=pty.path)), bytes(range(256)) * 4096
    with client.stream() as stream:
        talking = threading.Thread(target=pty.write, args=(data,), daemon=True)
        talking.start()
        talking.join(0.2)
        assert stream.receive_exactly(len(data)) == data
        talking.join(LIMIT_S)


def test_nothing_is_lost_when_the_device_reads_slowly(serving, pty):
    client, data = serving(PySerial(url=pty.path)), bytes(range(256)) * 1024
    with client.stream() as stream:
        for start in range(0, len(data), 32768):
            stream.send(data[start : start + 32768])
        assert pty.read(len(data)) == data


def test_half_close_does_not_end_the_port(serving, pty):
    client = serving(PySerial(url=pty.path))
    with client.stream() as stream:
        stream.send(b"input only")
        stream.send_eof()
        assert pty.read(10) == b"input only"
        pty.write(b"an answer")
        assert stream.receive_exactly(9) == b"an answer"


def test_hang_up_ends_the_stream(serving, pty):
    client = serving(PySerial(url=pty.path))
    with client.stream() as stream:
        pty.write(b"last words")
        assert stream.receive_exactly(10) == b"last words"
        pty.hang_up()
        assert stream.receive() is None


def test_port_that_another_program_set_up_differently(serving, pty):
    client = serving(PySerial(url=pty.path))
    with client.stream() as stream:
        mode = termios.tcgetattr(pty.slave)
        mode[6][termios.VMIN] = 0
        termios.tcsetattr(pty.slave, termios.TCSANOW, mode)
        pty.write(b"1")
        assert stream.receive() == b"1"
        pty.write(b"2")
        assert stream.receive() == b"2"


def test_close_ends_streams_and_gives_the_port_back(serving, pty):
    client = serving(PySerial(url=pty.path))
    assert client.call("close") is None
    with client.stream() as one, client.stream() as other:
        assert client.call("close") is None
        assert one.receive() is None
        assert other.receive() is None
        # What is left is the test's own.
        assert _open_files().count(pty.path) == 1
    with client.stream() as stream:
        stream.send(b"again")
        assert pty.read(5) == b"again"


def test_leaving_client_closes_the_port(serving, pty):
    driver = PySerial(url=pty.path)
    client = serving(driver)
    with client.stream() as stream:
        stream.send(b"x")
        assert pty.read(1) == b"x"
    with client.stream() as stream:
        stream.send(b"y")
        assert pty.read(1) == b"y"
        deadline = time.monotonic() + LIMIT_S
        while _open_files().count(pty.path) > 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        # One of the test, one of the stream that is open.
        assert _open_files().count(pty.path) == 2


def test_end_of_session_closes_the_port(serving, pty):
    driver = PySerial(url=pty.path)
    client = serving(driver)
    with client.stream() as stream:
        client.exporter.call(driver.close)
        assert stream.receive() is None
        assert _open_files().count(pty.path) == 1


def test_loop_echoes(serving):
    client = serving(PySerial(url="loop://"))
    with client.stream() as stream:
        stream.send(b"hello")
        assert stream.receive() == b"hello"
        stream.send(b"the end")
        stream.send_eof()
        assert stream.receive_all() == b"the end"


def test_close_ends_a_loop(serving):
    driver = PySerial(url="loop://")
    client = serving(driver)
    with client.stream() as stream:
        client.call("close")
        assert stream.receive() is None
    with client.stream() as stream:
        client.exporter.call(driver.close)
        assert stream.receive() is None


def test_throttled_port_takes_its_time(serving, pty):
    client = serving(PySerial(url=pty.path, cps=500))
    with client.stream() as stream:
        begin = time.monotonic()
        stream.send(b"x" * 100)
        assert pty.read(100) == b"x" * 100
        assert time.monotonic() - begin > 0.15


def test_throttle_sends_single_characters_when_slow(serving, pty):
    client = serving(PySerial(url=pty.path, cps=5))
    with client.stream() as stream:
        stream.send(b"ab")
        assert os.read(pty.master, 100) == b"a"
        assert pty.read(1) == b"b"


def test_no_throttle_by_default(serving, pty):
    driver = PySerial(url=pty.path, cps=0)

    async def kind() -> type:
        async with driver.connect() as stream:
            return type(stream)

    assert serving(driver).exporter.run(kind()) is not ThrottledStream


@pytest.mark.parametrize(("method", "line"), [("set_dtr", "DTR"), ("set_rts", "RTS")])
def test_pseudo_terminals_have_no_lines(serving, pty, method, line):
    assert serving(PySerial(url=pty.path)).failure(method, True) == (
        f"UNIMPLEMENTED: The port {pty.path} has no {line} line; pseudo terminals have none. Use a real serial port."
    )


def test_lines_of_a_real_port(serving, pty, monkeypatch):
    # No machine that runs tests has a serial port with nobody on it; the kernel's side is a note of what it was told.
    told = []
    monkeypatch.setattr(serial_module.fcntl, "ioctl", lambda fd, request, argument: told.append((request, argument)))
    client = serving(PySerial(url=pty.path))
    for method in ("set_dtr", "set_rts"):
        for value in (True, False, 1, 0):
            assert client.call(method, value) is None
    dtr, rts = (struct.pack("I", bits) for bits in (termios.TIOCM_DTR, termios.TIOCM_RTS))
    on, off = termios.TIOCMBIS, termios.TIOCMBIC
    assert told == [(request, line) for line in (dtr, rts) for request in (on, off, on, off)]


def test_lines_of_a_loop_and_bad_values(serving):
    client = serving(PySerial(url="loop://"))
    assert client.call("set_dtr", True) is None
    assert client.failure("set_rts", "on") == "INVALID_ARGUMENT: RTS is set to true or false, not 'on'."


def test_port_that_is_gone(serving, tmp_path):
    path = str(tmp_path / "ttyUSB9")
    client = serving(PySerial(url=path, check_present=False))
    text = f"The exporter cannot open the serial port {path}: No such file or directory."
    assert client.stream_failure() == f"UNKNOWN: Unexpected <class 'ConnectionError'>: {text}"
    assert client.failure("set_dtr", True) == f"UNAVAILABLE: {text}"


def test_file_is_no_port(serving, tmp_path):
    path = tmp_path / "file"
    path.touch()
    assert serving(PySerial(url=str(path), check_present=False)).failure("set_dtr", True) == (
        f"UNAVAILABLE: {path} is not a serial port. Check the driver's 'url'."
    )


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"url": "/dev/no-port"},
            "There is no serial port /dev/no-port. Plug it in, correct 'url', or set 'check_present: false'.",
        ),
        (
            {"url": "socket://host:1", "check_present": False},
            "PySerial opens a port by its path, or 'loop://', not 'socket://host:1'. "
            "For a serial server in the network use TcpNetwork.",
        ),
        ({"url": "loop://", "cps": -1}, "'cps' is a number of characters per second, not -1."),
        ({"url": "loop://", "cps": "fast"}, "'cps' is a number of characters per second, not 'fast'."),
    ],
)
def test_bad_configuration(config, text):
    with pytest.raises(ConfigurationError) as caught:
        PySerial(**config)
    assert str(caught.value) == text


def test_bad_speed():
    with pytest.raises(
        ConfigurationError, match=r"^This system has no serial speed of 123 baud. It has: 50, 75, 110, "
    ):
        PySerial(url="loop://", baudrate=123)


def _open_files() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return found
