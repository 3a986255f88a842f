"""A serial port with a real shell behind it, on a terminal of its own."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from JumpstarterLibrary.exporter import Driver, EndOfStream, exportstream

BITS = 10
"""Bits on the line for each byte."""


class Terminal(Driver):
    """A serial port with a shell behind it.

    Args:
        command: The shell and its arguments.
        environ: Variables for it, over those that every shell gets.
        columns: Width of the terminal; 0 for none, as a serial line has.
        burst: Bytes that arrive at once. Default: all that were written.
        baud: Bits a second, where bursts come one after the other.

    Attributes:
        fault: Changes what is typed before the shell gets it.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        environ: Mapping[str, str] | None = None,
        columns: int = 0,
        burst: int = 0,
        baud: int = 115200,
    ) -> None:
        super().__init__()
        self.fault: Callable[[bytes], bytes] = lambda data: data
        self._burst, self._pause_s = burst, burst * BITS / baud
        self._port, slave = pty.openpty()
        os.set_blocking(self._port, False)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
        given = {"PATH": os.environ["PATH"], "TERM": "vt220", "LANG": "C.UTF-8", "HOME": "/tmp", "PS1": "# "}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=given["HOME"],
            env={**given, **(environ or {})},
        )
        os.close(slave)

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        yield self

    async def send(self, data: bytes) -> None:
        data = self.fault(data)
        size = self._burst or max(1, len(data))
        for start in range(0, len(data), size):
            os.write(self._port, data[start : start + size])
            await asyncio.sleep(self._pause_s)

    def stop(self) -> None:
        """Let the shell do nothing, as on a very busy machine."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the shell run again."""
        self._process.send_signal(signal.SIGCONT)

    async def receive(self) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return os.read(self._port, self._burst or 65536)
            except BlockingIOError:
                pass
            except OSError as error:
                raise EndOfStream from error
            there = asyncio.Event()
            loop.add_reader(self._port, there.set)
            try:
                await there.wait()
            finally:
                loop.remove_reader(self._port)

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    @property
    def foreground(self) -> str:
        """The name of the program that Ctrl-C goes to."""
        return Path(f"/proc/{os.tcgetpgrp(self._port)}/comm").read_text().strip()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._port)
