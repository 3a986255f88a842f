"""Start gRPC servers so that they can always be stopped."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import grpc.aio


async def start_server(server: grpc.aio.Server) -> None:
    """Start a server, to the end even where the caller is cancelled: gRPC crashes if a half-started one is stopped."""
    starting = asyncio.ensure_future(server.start())
    try:
        await asyncio.shield(starting)
    finally:
        while not starting.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({starting})
