"""Copying between a serial port and this process: files, standard input and output."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from JumpstarterLibrary.errors import TransferError


class Piping:
    """The coroutines of the command ``pipe``, for the client's portal. They need anyio and click."""

    stream_async: Any

    async def _pipe_serial(
        self,
        output_file: str | None = None,
        input_enabled: bool = False,
        append: bool = False,
        no_output: bool = False,
    ) -> None:
        """Copy until the port's data ends, or with ``no_output`` until standard input does.

        Args:
            output_file: Where the port's data goes. Default: standard output.
            input_enabled: Copy standard input to the port as well.
            append: Keep what the file has.
            no_output: Take nothing from the port.
        """
        import anyio

        async with self.stream_async(method="connect") as stream:
            if no_output:
                if input_enabled:
                    read, sent = await self._stdin_to_serial(stream)
                    if read != sent:
                        raise TransferError(f"Only {sent} of {read} bytes of the standard input were sent to the port.")
                return
            async with anyio.create_task_group() as tasks:
                if input_enabled:
                    tasks.start_soon(self._stdin_to_serial, stream)
                await self._serial_to_output(stream, output_file, append)
                tasks.cancel_scope.cancel()

    async def _serial_to_output(self, stream: Any, output_file: str | None, append: bool) -> None:
        """Copy what a stream gives until it ends, and say how it ended."""
        import anyio
        import click

        try:
            async with _output(output_file, append) as write:
                while True:
                    await write(await stream.receive())
        except anyio.EndOfStream:
            click.echo("\nThe serial port's data has ended.", err=True)
        except anyio.BrokenResourceError as error:
            click.echo(f"\nThe connection to the serial port broke. {error}".rstrip(), err=True)

    async def _stdin_to_serial(self, stream: Any) -> tuple[int, int]:
        """Copy standard input to a stream to its end, and return how many bytes were read and sent."""
        import anyio

        read = sent = 0
        async for data in typed(1024):
            read += len(data)
            await stream.send(data)
            sent += len(data)
        with suppress(AttributeError, anyio.BrokenResourceError, anyio.EndOfStream):  # not every stream can
            await stream.send_eof()
        return read, sent


async def typed(size: int) -> AsyncIterator[bytes]:
    """Yield the bytes of the standard input, at most ``size`` bytes at a time, to its end.

    Where the descriptor can be watched, no thread is left behind in a read when no consumer listens any more.
    """
    import anyio
    import anyio.to_thread

    try:
        fd = sys.stdin.fileno()
        await anyio.wait_readable(fd)
    except (OSError, ValueError):  # no descriptor, or a file, which is always readable
        while data := await anyio.to_thread.run_sync(sys.stdin.buffer.read, size):
            yield data
        return
    while data := os.read(fd, size):
        yield data
        await anyio.wait_readable(fd)


@asynccontextmanager
async def _output(path: str | None, append: bool) -> AsyncIterator[Any]:
    if path is None:

        async def write(data: bytes) -> None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

        yield write
        return
    import anyio

    async with await anyio.open_file(path, "ab" if append else "wb") as file:

        async def append_data(data: bytes) -> None:
            await file.write(data)
            await file.flush()

        yield append_data
