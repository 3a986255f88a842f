"""The budget of resource streams that no call has taken yet: how many wait, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from JumpstarterLibrary.exporter.dispatch import CallFailed
from JumpstarterLibrary.exporter.driver_threads import PATIENCE_S

OFFER_LIMIT = 32
"""Resource streams of a session that wait for a call. Each holds what gRPC has received of it, 2 MiB at most."""

EXPIRY_S = 120.0
"""Seconds in which a call has to take a resource stream."""


class OfferBudget:
    """Bounds the resource streams that no call has taken, of all drivers of a session.

    Args:
        limit: Streams that wait at the same time. Default: 32.
        patience: Seconds that a further one waits for a place. Default: 30.
        expiry: Seconds in which a call has to take one. Default: 120.
    """

    def __init__(self, limit: int = OFFER_LIMIT, patience: float = PATIENCE_S, expiry: float = EXPIRY_S) -> None:
        self._limit = limit
        self._patience = patience
        self._expiry = expiry
        self._places = asyncio.Semaphore(limit)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Have a place for a stream while the block runs.

        Raises:
            CallFailed: RESOURCE_EXHAUSTED; none was free in time.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise CallFailed(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{self._limit} resource streams wait for a call that takes them, which is the most that may. Make "
                "those calls, or close the streams.",
            ) from None
        try:
            yield
        finally:
            self._places.release()

    async def until(self, taken: asyncio.Event) -> None:
        """Wait until a call has taken a stream.

        Raises:
            CallFailed: DEADLINE_EXCEEDED; none did in time.
        """
        try:
            async with asyncio.timeout(self._expiry):
                await taken.wait()
        except TimeoutError:
            raise CallFailed(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"No call took this resource stream within {self._expiry:g} seconds. Open it directly before the call.",
            ) from None
