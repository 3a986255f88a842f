"""Serial ports and pseudo terminals as byte streams, without blocking the event loop."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import re
import select
import termios
from collections.abc import Callable
from typing import Any

from JumpstarterLibrary.exporter.shared_stream import ExclusiveStream
from JumpstarterLibrary.exporter.streams import BrokenStream, ClosedStream, EndOfStream, StreamMixin
from JumpstarterLibrary.exporter.workers import WorkerPool

READ_SIZE = 4096
"""Bytes that one read asks for; the kernel's line discipline holds no more."""

BAUD_RATES = {int(name[1:]): getattr(termios, name) for name in dir(termios) if re.fullmatch(r"B[1-9]\d*", name)}
"""The speeds that the operating system has, in baud, and its constants for them."""

THROTTLE_SLICE_S = 0.01
"""Seconds' worth of characters that a throttled stream sends at once, at least one."""

SLICE_LIMIT = 1024 * 1024
"""Characters that a throttled stream sends at once at most."""

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _ISPEED, _OSPEED, _CC = range(7)


def open_device(path: str) -> int:
    """Open a port so that nothing waits: neither for a carrier now, nor for data later. The caller closes it.

    Raises:
        ConnectionError: It cannot be opened, or is no port.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise ConnectionError(f"The exporter cannot open the serial port {path}: {error.strerror}.") from error
    if not os.isatty(fd):
        os.close(fd)
        raise ConnectionError(f"{path} is not a serial port. Check the driver's 'url'.")
    return fd


def configure(fd: int, baudrate: int, *, disable_hupcl: bool = False) -> None:
    """Set a port to raw bytes, 8N1, no flow control.

    Args:
        fd: The port.
        baudrate: One of ``BAUD_RATES``.
        disable_hupcl: Keep DTR and RTS as they are when the port is closed.

    Raises:
        termios.error: The port does not take it.
    """
    mode: list[Any] = termios.tcgetattr(fd)
    mode[_IFLAG] = mode[_OFLAG] = mode[_LFLAG] = 0
    mode[_CFLAG] &= ~(termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    mode[_CFLAG] |= termios.CS8 | termios.CREAD | termios.CLOCAL
    if disable_hupcl:
        mode[_CFLAG] &= ~termios.HUPCL
    mode[_ISPEED] = mode[_OSPEED] = BAUD_RATES[baudrate]
    mode[_CC][termios.VMIN], mode[_CC][termios.VTIME] = 1, 0
    termios.tcsetattr(fd, termios.TCSANOW, mode)


class TtyStream(StreamMixin):
    """A byte stream over an open port. One task may send and one may receive at a time.

    Nothing is read before a task receives it, so that a slow reader slows the device down, as far as the port can,
    and loses nothing here.

    Args:
        fd: The port, opened by ``open_device``. The stream closes it.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()

    async def send(self, data: bytes) -> None:
        """Write everything; wait while the device does not take it.

        Raises:
            BrokenStream: The port is closed or gone.
        """
        rest = memoryview(data)
        while rest:
            if self._fd < 0:
                raise ClosedStream("the serial port is closed")
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer)
            except OSError as error:
                raise BrokenStream(f"the serial port broke while sending: {error.strerror}") from error

    async def receive(self) -> bytes:
        """Return what has arrived, or wait for it.

        Raises:
            EndOfStream: The port is closed, or its other side hung up.
            BrokenStream: The port failed.
        """
        while self._fd >= 0:
            try:
                data = os.read(self._fd, READ_SIZE)
            except BlockingIOError:
                data = b""
            except OSError as error:
                if error.errno == errno.EIO:
                    break
                raise BrokenStream(f"the serial port broke while receiving: {error.strerror}") from error
            if data:
                return data
            # An idle port gives nothing too, if another program took away VMIN.
            if _hung_up(self._fd):
                break
            await self._ready(self._loop.add_reader, self._loop.remove_reader)
        raise EndOfStream

    async def send_eof(self) -> None:
        """Do nothing: serial lines have no end of data."""

    async def aclose(self) -> None:
        """Close the port. Tasks that send or receive wake up. A second close does nothing."""
        fd = self._detach()
        if fd < 0:
            return
        # Closing waits until the hardware has sent what it was given.
        workers = WorkerPool(limit=1, name="tty")
        try:
            await workers.run(os.close, fd)
        finally:
            workers.close()

    def close_now(self) -> None:
        """Close the port from the event loop, for callers that cannot await."""
        fd = self._detach()
        if fd >= 0:
            os.close(fd)

    def _detach(self) -> int:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
        for waiter in self._waiting:
            _wake(waiter)
        return fd

    async def _ready(self, add: Callable[..., None], remove: Callable[[int], object]) -> None:
        fd, waiter = self._fd, self._loop.create_future()
        add(fd, _wake, waiter)
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
            # After a close the number may belong to another file.
            if self._fd == fd:
                remove(fd)


class ThrottledStream(StreamMixin):
    """A stream that sends no faster than a device can take: old bootloaders drop what comes too quickly.

    Args:
        stream: Where to.
        cps: Characters per second; None or 0 for as fast as it takes them.
    """

    def __init__(self, stream: ExclusiveStream, cps: float | None = None) -> None:
        self._stream = stream
        self._cps = cps or math.inf
        self._slice = max(1, int(min(self._cps * THROTTLE_SLICE_S, SLICE_LIMIT)))
        self._free_at = 0.0

    async def send(self, data: bytes) -> None:
        """Send in slices, each at its time."""
        clock = asyncio.get_running_loop().time
        for start in range(0, len(data), self._slice):
            await asyncio.sleep(self._free_at - clock())
            part = data[start : start + self._slice]
            await self._stream.send(part)
            # What was late by a little is made up for; after a pause the stream begins anew.
            begin = self._free_at if clock() - self._free_at < THROTTLE_SLICE_S else clock()
            self._free_at = begin + len(part) / self._cps

    async def receive(self) -> bytes:
        """Return what has arrived."""
        return await self._stream.receive()

    async def send_eof(self) -> None:
        """Half-close."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()

    def close_now(self) -> None:
        """Close at once, for callers that cannot await."""
        self._stream.close_now()


def _hung_up(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(0))


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
