"""A program in a pseudo terminal of its own, whose output is read line by line."""

from __future__ import annotations

import asyncio
import errno
import os
import pty
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

LINE_LIMIT = 64 * 1024
"""Bytes of a line; longer ones are cut into several."""

_READ_SIZE = 64 * 1024

_DRAIN_LIMIT = 256
"""Reads after the program's end. A terminal holds a few KiB; a child that goes on writing has no claim to be heard."""

_REAP_S = 5.0
"""Seconds that a killed program may take to disappear."""


class PtyProcess:
    """A program with a terminal, in a session and process group of its own.

    Args:
        command: The command line.
        environment: Its environment.
        on_line: Called with each line of its output, without trailing white space; not with empty ones.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], on_line: Callable[[str], None]) -> None:
        self._command = command
        self._environment = environment
        self._on_line = on_line
        self._pending = b""

    async def run(self, timeout: float, kill_after: float) -> int:
        """Run the program to its end. Cancelling kills it, and everything in its process group.

        Args:
            timeout: Seconds, after which it is asked to end.
            kill_after: Seconds from then until it is killed.

        Returns:
            Its exit status; negative where a signal ended it.

        Raises:
            TimeoutError: It did not end in time. It has ended now.
            OSError: It cannot be started.
        """
        loop = asyncio.get_running_loop()
        reading, terminal = pty.openpty()
        try:
            os.set_blocking(reading, False)
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=terminal,
                    stdout=terminal,
                    stderr=terminal,
                    env=dict(self._environment),
                    start_new_session=True,
                )
            finally:
                os.close(terminal)
            loop.add_reader(reading, self._read, reading, loop)
            try:
                return await _ended(process, timeout, kill_after)
            finally:
                loop.remove_reader(reading)
                self._drain(reading)
        finally:
            os.close(reading)

    def _read(self, reading: int, loop: asyncio.AbstractEventLoop) -> None:
        if not self._take(reading):
            loop.remove_reader(reading)

    def _drain(self, reading: int) -> None:
        """Take what the program left behind; do not wait for children that it left behind with the terminal."""
        for _ in range(_DRAIN_LIMIT):
            if not self._take(reading):
                break
        if self._pending:
            self._emit(self._pending)
            self._pending = b""

    def _take(self, reading: int) -> bool:
        try:
            data = os.read(reading, _READ_SIZE)
        except BlockingIOError:
            return False
        except OSError as error:
            # Linux's error when no process has the terminal open any more.
            if error.errno != errno.EIO:
                raise
            return False
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._emit(line)
        while len(self._pending) >= LINE_LIMIT:
            self._emit(self._pending[:LINE_LIMIT])
            self._pending = self._pending[LINE_LIMIT:]
        return bool(data)

    def _emit(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if text:
            self._on_line(text)


async def _ended(process: asyncio.subprocess.Process, timeout: float, kill_after: float) -> int:
    try:
        async with asyncio.timeout(timeout):
            return await process.wait()
    except TimeoutError:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(kill_after):
                await process.wait()
        raise
    finally:
        # Once the program has been waited for, its number is free for others and not to be used any more.
        if process.returncode is None:
            _signal(process, signal.SIGKILL)
            with suppress(TimeoutError):
                async with asyncio.timeout(_REAP_S):
                    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
