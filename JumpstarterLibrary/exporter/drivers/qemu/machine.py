"""The machine: a QEMU process while the board has power."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from JumpstarterLibrary.common.unix_sockets import private_directory, remove_directory
from JumpstarterLibrary.exporter.drivers.qemu.monitor import MonitorError, QmpClient
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire

START_S = 20.0
"""Seconds in which QEMU has to connect to its serial port; it takes a tenth of one."""

PIECE = 64 * 1024
"""Bytes of the serial port that are passed on at a time."""

TYPED_LIMIT = 256 * 1024
"""Bytes that may wait for a machine that does not read its serial port; what is typed beyond is lost, as on a wire."""

COMPLAINT = 4096
"""Characters of QEMU's own messages that are kept, the last ones."""


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class QemuFailed(ConnectionError):
    """QEMU did not start."""


@dataclass
class _Life:
    """A machine from power on to power off."""

    process: asyncio.subprocess.Process
    serial: asyncio.StreamWriter
    monitor: QmpClient
    task: asyncio.Task[None] | None = None


@dataclass
class _Said:
    """The last of QEMU's standard error."""

    text: str = ""


class QemuMachine:
    """A board whose hardware is a process. All methods belong to one event loop.

    Args:
        wire: The console; it outlives the process, so that listeners are there before the first byte.
        command: Returns the command to run, given the folder of its sockets.
        logger: Where switching and QEMU's own messages are reported.
    """

    def __init__(self, wire: Wire, command: Callable[[Path], list[str]], logger: logging.Logger) -> None:
        self._wire, self._command, self._logger = wire, command, logger
        self._power = asyncio.Lock()
        self._life: _Life | None = None
        wire.receiver = self._typed

    @property
    def on(self) -> bool:
        """Whether the board has power. A guest that has shut itself down leaves it on."""
        return self._life is not None

    async def power_on(self) -> None:
        """Start QEMU; a board that is on stays as it is.

        Raises:
            QemuFailed: It does not start.
        """
        async with self._power:
            if self._life is None:
                self._life = await self._start()
                self._logger.info("power on")

    async def power_off(self) -> None:
        """Kill QEMU, which is what a power cut does to a board."""
        async with self._power:
            life, self._life = self._life, None
            if life is not None:
                _kill(life.process)
                if life.task is not None:
                    # It ends with the sockets, when all that the board has said is on the wire.
                    await life.task
                self._logger.info("power off")

    async def reset(self) -> None:
        """Press the reset button.

        Raises:
            QemuFailed: The board is off.
        """
        async with self._power:
            if self._life is None:
                raise QemuFailed("A board that is off cannot be reset. Switch it on.")
            await self._life.monitor.execute("system_reset")
            self._logger.info("reset")

    def kill(self) -> None:
        """Cut the power at once, for callers that cannot await."""
        life, self._life = self._life, None
        if life is not None:
            _kill(life.process)

    async def _start(self) -> _Life:
        sockets = private_directory()
        serial: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        monitor: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        servers: list[asyncio.Server] = []
        try:
            servers.append(await asyncio.start_unix_server(_into(serial), sockets / "serial"))
            servers.append(await asyncio.start_unix_server(_into(monitor), sockets / "monitor"))
            process = await self._spawn(self._command(sockets))
            said = _Said()
            listening = asyncio.create_task(self._listen(process, said))
            try:
                await _connected(asyncio.gather(serial, monitor), listening, said)
            except BaseException:
                _kill(process)
                await asyncio.gather(process.wait(), listening)
                raise
        finally:
            for server in servers:
                server.close()  # not more: since Python 3.12 a server that is waited for waits for its connections
            remove_directory(sockets)
        heard, speaking = serial.result()
        life = _Life(process, speaking, QmpClient(*monitor.result(), self._logger))
        life.task = asyncio.create_task(self._live(life, heard, listening))
        try:
            await life.monitor.execute("qmp_capabilities")
        except MonitorError as error:  # it looks at most of its arguments after it has connected
            await life.task
            raise QemuFailed(_did_not_start(said)) from error
        except BaseException:
            _kill(process)
            await life.task
            raise
        return life

    async def _spawn(self, command: list[str]) -> asyncio.subprocess.Process:
        # A killed exporter must not leave QEMU behind.
        guard = shutil.which("setpriv")
        prefix = [guard, "--pdeathsig", "KILL"] if guard else []
        self._logger.debug("starting %s", command)
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            *prefix, *command, stdin=null, stdout=null, stderr=pipe, start_new_session=True
        )

    async def _live(self, life: _Life, serial: asyncio.StreamReader, listening: asyncio.Task[None]) -> None:
        """Pass on what the board and QEMU say, until the process ends or the event loop does."""
        try:
            await asyncio.gather(self._pump(serial), listening)
        finally:
            _kill(life.process)
            life.serial.transport.abort()  # both have ended, or the event loop is about to
            await life.monitor.close()
            status = await life.process.wait()
            if self._life is life:
                self._logger.error("QEMU has ended with status %d. Switch the board off and on.", status)

    async def _listen(self, process: asyncio.subprocess.Process, said: _Said) -> None:
        assert process.stderr is not None
        while piece := await process.stderr.read(COMPLAINT):
            # It writes a sentence in pieces.
            said.text = (said.text + piece.decode(errors="replace"))[-COMPLAINT:]
            if said.text.endswith("\n"):
                self._logger.warning("QEMU: %s", said.text.splitlines()[-1])

    async def _pump(self, serial: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):  # killed
            while data := await serial.read(PIECE):
                self._wire.put(data)

    def _typed(self, data: bytes) -> None:
        if self._life is None:
            return
        speaking = self._life.serial
        if speaking.transport.get_write_buffer_size() > TYPED_LIMIT:
            self._logger.warning("The board does not read its serial port: %d bytes were lost.", len(data))
            return
        speaking.write(data)


async def _connected(arrivals: asyncio.Future[Any], listening: asyncio.Task[None], said: _Said) -> None:
    """Wait until QEMU has connected to both sockets.

    Raises:
        QemuFailed: It has ended, or takes too long.
    """
    waiting: set[asyncio.Future[Any]] = {arrivals, listening}
    try:
        await asyncio.wait(waiting, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        if arrivals.done():
            return
        if listening.done():
            raise QemuFailed(_did_not_start(said))
        raise QemuFailed(f"QEMU did not open its serial port within {START_S:g} seconds.")
    finally:
        arrivals.cancel()


def _did_not_start(said: _Said) -> str:
    return f"QEMU did not start: {said.text.strip() or 'it ended without a word'}."


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            # Not process.kill(): before Python 3.13 it polls first, and takes the exit status from asyncio's watcher.
            os.kill(process.pid, signal.SIGKILL)


def _into(arrived: asyncio.Future[Connection]) -> Callable[..., None]:
    """Return a callback that keeps the first connection and refuses others."""

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if arrived.done():
            writer.close()
        else:
            arrived.set_result((reader, writer))

    return accept
