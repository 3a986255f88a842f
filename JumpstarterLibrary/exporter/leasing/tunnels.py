"""The tunnels of one lease: listens for their tokens and joins them to the session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from JumpstarterLibrary.exporter.leasing.controller import Controller
from JumpstarterLibrary.exporter.leasing.tasks import ended
from JumpstarterLibrary.exporter.leasing.timing import ExporterTiming
from JumpstarterLibrary.exporter.leasing.tunnel import Tunnel
from JumpstarterLibrary.protocol import jumpstarter_pb2

TOKENS_LIMIT = 10
"""Tokens that wait until clients may come; the controller keeps further ones."""

_log = logging.getLogger(__name__)


class Tunnels:
    """All tunnels of a lease.

    Args:
        controller: Who sends the tokens.
        lease: The lease.
        moving: Nothing passes while this is not set.
        timing: Pauses.
    """

    def __init__(self, controller: Controller, lease: str, moving: asyncio.Event, timing: ExporterTiming) -> None:
        self._controller = controller
        self._timing = timing
        self._lease = lease
        self._moving = moving
        self._tokens: asyncio.Queue[jumpstarter_pb2.ListenResponse] = asyncio.Queue(TOKENS_LIMIT)
        self._may_join = asyncio.Event()
        self._listening: list[asyncio.Task[None]] = []
        self._open: dict[asyncio.Task[None], Tunnel] = {}

    @property
    def open(self) -> list[Tunnel]:
        """Those that are open, oldest first."""
        return list(self._open.values())

    @asynccontextmanager
    async def listening(self, path: str) -> AsyncIterator[None]:
        """Ask the controller for tokens while the block runs. Tunnels go on after it.

        Args:
            path: The session's socket.
        """
        self._listening = [asyncio.create_task(self._listen()), asyncio.create_task(self._join(path))]
        try:
            yield
        finally:
            await ended(self._listening)

    def serve(self) -> None:
        """Join tunnels from now on; until then tokens wait."""
        self._may_join.set()

    def refuse(self) -> None:
        """Take no further tokens. Open tunnels stay."""
        for task in self._listening:
            task.cancel()

    def expect_end(self) -> None:
        """Take the end of the session from now on for one in order."""
        for tunnel in self._open.values():
            tunnel.ending = True

    async def cut(self) -> None:
        """Take no further tokens, and end all tunnels at once, as a process that ends."""
        self.refuse()
        await ended(self._open)

    async def wind_up(self) -> None:
        """End all tunnels, after those whose session has ended could say so."""
        try:
            if self._open:
                await asyncio.wait(self._open, timeout=self._timing.real(self._timing.linger_s))
        finally:
            # Also where the exporter itself is cancelled meanwhile.
            await ended(self._open)

    async def _listen(self) -> None:
        async with aclosing(self._controller.tokens(self._lease)) as tokens:
            async for token in tokens:
                await self._tokens.put(token)

    async def _join(self, path: str) -> None:
        await self._may_join.wait()
        while True:
            token = await self._tokens.get()
            await self._moving.wait()
            _log.info("A client of lease %s comes through the router at %s.", self._lease, token.router_endpoint)
            tunnel = Tunnel(
                self._controller.access, token.router_endpoint, token.router_token, path, self._moving, self._timing
            )
            task = asyncio.create_task(tunnel.run())
            self._open[task] = tunnel
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A tunnel failed.", exc_info=error)
