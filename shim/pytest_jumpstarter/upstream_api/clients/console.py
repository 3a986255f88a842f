"""A serial port on the terminal."""

from __future__ import annotations

import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_jumpstarter.upstream_api.clients.piping import typed

LEAVE = b"\x02"
"""Ctrl-B."""

TIMES = 3
"""How often in a row it has to be typed to leave."""


class Console:
    """Gives the terminal to a driver's byte stream, until Ctrl-B was typed three times.

    Args:
        serial_client: The driver's client.
    """

    def __init__(self, serial_client: Any) -> None:
        self.serial_client = serial_client

    def run(self) -> None:
        """Do so; back when Ctrl-B was typed three times, or the stream has ended."""
        with self.setraw():
            self.serial_client.portal.call(self._run)

    @contextmanager
    def setraw(self) -> Iterator[None]:
        """Take every key as it is typed while the block runs."""
        before = termios.tcgetattr(sys.stdin.fileno())
        try:
            tty.setraw(sys.stdin.fileno())
            yield
        finally:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)

    async def _run(self) -> None:
        import anyio

        async with self.serial_client.stream_async(method="connect") as stream, anyio.create_task_group() as tasks:

            async def outwards() -> None:
                await self._typed(stream)
                tasks.cancel_scope.cancel()

            tasks.start_soon(outwards)
            await self._shown(stream)
            tasks.cancel_scope.cancel()

    async def _shown(self, stream: Any) -> None:
        """Show what comes."""
        import anyio
        from anyio.streams.file import FileWriteStream

        screen = FileWriteStream(sys.stdout.buffer)
        try:
            while True:
                await screen.send(await stream.receive())
                sys.stdout.flush()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return

    async def _typed(self, stream: Any) -> None:
        """Send what is typed, until it is the way out."""
        in_a_row = 0
        async for key in typed(1):
            in_a_row = in_a_row + 1 if key == LEAVE else 0
            if in_a_row == TIMES:
                return
            await stream.send(key)
