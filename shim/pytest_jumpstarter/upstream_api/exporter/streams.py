"""Byte streams of anyio: pairs in memory, and joining two."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

try:
    import anyio
    from anyio.streams.stapled import StapledObjectStream
except ImportError as error:
    raise ImportError(
        "Streams of drivers need anyio, which is not installed. Install robotframework-jumpstarter[upstream]."
    ) from error

CHUNK_LIMIT = 32
"""Chunks that wait in each direction of a pair in memory; a further ``send`` waits for the reader."""

_log = logging.getLogger(__name__)


def create_memory_stream() -> tuple[StapledObjectStream[bytes], StapledObjectStream[bytes]]:
    """Return two joined streams: what one sends, the other receives."""
    to_there, from_here = anyio.create_memory_object_stream[bytes](CHUNK_LIMIT)
    to_here, from_there = anyio.create_memory_object_stream[bytes](CHUNK_LIMIT)
    return StapledObjectStream(to_there, from_there), StapledObjectStream(to_here, from_here)


async def copy_stream(dst: Any, src: Any) -> None:
    """Send what one stream gives to another, to its end, and half-close that. A stream that breaks ends the copying.

    Args:
        dst: Where to; anything with ``send``, and ``send_eof`` if it has a half-close.
        src: Where from; anything that can be iterated.
    """
    try:
        async for chunk in src:
            await dst.send(chunk)
        # Some streams have no half-close, and some sockets refuse it once the peer has gone.
        with suppress(AttributeError, OSError):
            await dst.send_eof()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, asyncio.InvalidStateError) as error:
        usual = isinstance(error.__cause__, BrokenPipeError | ConnectionResetError)
        _log.log(logging.DEBUG if usual else logging.WARNING, "copying a stream ended: %r", error.__cause__ or error)


@asynccontextmanager
async def forward_stream(a: Any, b: Any) -> AsyncIterator[None]:
    """Join two streams, in both directions, while the block runs, and close both.

    Leaving the block waits until both have come to their ends; to end them sooner, cancel.
    """
    async with a, b, anyio.create_task_group() as tasks:
        tasks.start_soon(copy_stream, a, b)
        tasks.start_soon(copy_stream, b, a)
        yield
