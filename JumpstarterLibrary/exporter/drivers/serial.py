"""Serial ports: streams of what the device says and is told, and its control lines."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.driver import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.loopback import LoopbackStream
from JumpstarterLibrary.exporter.drivers.tty import BAUD_RATES, ThrottledStream, TtyStream, configure, open_device
from JumpstarterLibrary.exporter.shared_stream import ExclusiveStream, SharedStream
from JumpstarterLibrary.exporter.streams import ByteStream

LOOP_URL = "loop://"
"""The url of a port that echoes."""

CLOSE_LIMIT_S = 10.0
"""Seconds that ``close`` waits for the hardware to send what it was given."""


@dataclass(kw_only=True, eq=False)
class PySerial(Driver):
    """A serial port or pseudo terminal, 8N1 without flow control; named as upstream's driver, which uses pyserial.

    All streams of clients share the port: each gets every byte that it says, and one of them types (``readers``).

    Attributes:
        url: Path of the port, or ``loop://`` for a port that echoes.
        baudrate: Speed in baud, default 115200.
        check_present: Refuse to start without the port, default yes.
        cps: Characters per second that are sent at most; unless given, as fast as the port takes them.
        disable_hupcl: Leave DTR and RTS alone when the port is closed, default no: the kernel drops them.
    """

    url: str
    baudrate: int = 115200
    check_present: bool = True
    cps: float | None = None
    disable_hupcl: bool = False
    # Spelt loosely: pydantic's dataclasses look into the types of inherited fields.
    _shared: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the configuration.

        Raises:
            ConfigurationError: A value cannot be, or the port is not there.
        """
        super().__post_init__()
        self._shared = SharedStream(self._open_stream, self.url, self.logger)
        if self.baudrate not in BAUD_RATES:
            known = ", ".join(map(str, sorted(BAUD_RATES)))
            raise ConfigurationError(f"This system has no serial speed of {self.baudrate!r} baud. It has: {known}.")
        if self.cps is not None and (not isinstance(self.cps, int | float) or self.cps < 0):
            raise ConfigurationError(f"'cps' is a number of characters per second, not {self.cps!r}.")
        if self._loops:
            return
        if "://" in self.url:
            raise ConfigurationError(
                f"PySerial opens a port by its path, or 'loop://', not {self.url!r}. "
                "For a serial server in the network use TcpNetwork."
            )
        if self.check_present and not _is_device(self.url):
            raise ConfigurationError(
                f"There is no serial port {self.url}. Plug it in, correct 'url', or set 'check_present: false'."
            )

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        """Open the port, or join the streams that read it already: the last 64 KiB come first then.

        Raises:
            ConnectionError: It cannot be opened.
        """
        async with self._streams.join() as reader:
            yield reader

    @export
    def close(self) -> None:
        """End the streams that are open. Called by clients, and at the end of a session.

        Raises:
            TimeoutError: The hardware does not send what it was given.
        """
        super().close()
        self._streams.close(CLOSE_LIMIT_S)

    @export
    async def take_over(self) -> str | None:
        """Let another client type on the port than the one that does, and return that one; None if there was none."""
        return self._streams.take_over()

    @export
    def set_dtr(self, value: bool) -> None:
        """Set the line DTR (data terminal ready).

        Raises:
            ConnectionError: The port cannot be opened.
            NotImplementedError: It has no such line.
        """
        self._set_line("DTR", termios.TIOCM_DTR, value)

    @export
    def set_rts(self, value: bool) -> None:
        """Set the line RTS (request to send).

        Raises:
            ConnectionError: The port cannot be opened.
            NotImplementedError: It has no such line.
        """
        self._set_line("RTS", termios.TIOCM_RTS, value)

    @property
    def _loops(self) -> bool:
        return self.url.startswith(LOOP_URL)

    @property
    def _streams(self) -> SharedStream:
        shared: SharedStream = self._shared
        return shared

    def _open_stream(self) -> ExclusiveStream:
        self.logger.debug("opening %s at %d baud", self.url, self.baudrate)
        stream = LoopbackStream() if self._loops else TtyStream(self._open())
        return ThrottledStream(stream, self.cps) if self.cps else stream

    def _open(self) -> int:
        fd = open_device(self.url)
        try:
            configure(fd, self.baudrate, disable_hupcl=self.disable_hupcl)
        except termios.error as error:
            os.close(fd)
            raise ConnectionError(
                f"The serial port {self.url} does not take {self.baudrate} baud, 8N1: {error.args[-1]}."
            ) from error
        return fd

    def _set_line(self, name: str, line: int, value: bool) -> None:
        if value not in (True, False):
            raise ValueError(f"{name} is set to true or false, not {value!r}.")
        if not self._loops:
            self._set_port_line(name, line, value)
        self.logger.info("%s: %s", name, "on" if value else "off")

    def _set_port_line(self, name: str, line: int, value: bool) -> None:
        fd = self._open()
        try:
            fcntl.ioctl(fd, termios.TIOCMBIS if value else termios.TIOCMBIC, struct.pack("I", line))
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                raise
            raise NotImplementedError(
                f"The port {self.url} has no {name} line; pseudo terminals have none. Use a real serial port."
            ) from error
        finally:
            os.close(fd)


def _is_device(path: str) -> bool:
    try:
        return stat.S_ISCHR(Path(path).stat().st_mode)
    except OSError:
        return False
