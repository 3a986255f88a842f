"""One tunnel of the lab's router: two streams, and the frames that pass between them."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc

from JumpstarterLibrary.lab.journal import Journal
from JumpstarterLibrary.lab.router_behaviour import RouterBehaviour

LANE_LIMIT = 2
"""Frames that a direction holds; a sender that is faster waits. Two keep both sides busy at once."""

TUNNELS = "tunnels"
"""The journal's counter of pairs of streams of which at least one is open."""

HALF_OPEN = "half-open streams"
"""The journal's counter of streams whose peer has vanished."""


@dataclass(frozen=True)
class Ending:
    """With which status a stream ends."""

    code: grpc.StatusCode
    details: str


@dataclass(frozen=True)
class TunnelInfo:
    """Facts of an open tunnel.

    Attributes:
        stream_id: What its token says.
        since: Lab time at which it was joined.
        first_bytes: What came from the side that had waited, in bytes of serialized frames.
        second_bytes: What came from the other side.
    """

    stream_id: str
    since: datetime
    first_bytes: int
    second_bytes: int


VANISHED = Ending(grpc.StatusCode.CANCELLED, "context canceled")
"""What the side that came second is told in the end, as upstream's router says it. The first one is told OK."""

PEER_GONE = Ending(grpc.StatusCode.UNAVAILABLE, "The other side of the tunnel is gone.")


class PeerGone(Exception):
    """A direction whose receiving side is gone."""


class Lane:
    """One direction of a tunnel: few frames, in order."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._ended = False
        self._abandoned = False
        self._changed = asyncio.Event()

    async def put(self, frame: bytes) -> None:
        """Hand a frame over; wait while there is no room.

        Raises:
            PeerGone: The receiving side is gone.
        """
        while len(self._frames) >= LANE_LIMIT and not self._abandoned:
            await self._change()
        if self._abandoned:
            raise PeerGone
        self._frames.append(frame)
        self._changed.set()

    async def get(self) -> bytes | None:
        """Return the next frame, or None behind the last one."""
        while not self._frames:
            if self._ended:
                return None
            await self._change()
        self._changed.set()
        return self._frames.popleft()

    def end(self) -> None:
        """Say that no frame follows.

        Raises:
            PeerGone: The receiving side is gone.
        """
        if self._abandoned:
            raise PeerGone
        self._ended = True
        self._changed.set()

    def abandon(self) -> None:
        """Take no frame any more."""
        self._abandoned = True
        self._frames.clear()
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class RouterStream:
    """One side's stream.

    Args:
        context: Its RPC, with frames as they are on the wire.

    Attributes:
        joined: The tunnel, when the other side has come.
        inbox: What is on its way to this side.
        over: Set from outside to end the stream.
        received: Bytes that came from this side.
    """

    def __init__(self, context: Any) -> None:
        loop = asyncio.get_running_loop()
        self.context = context
        self.joined: asyncio.Future[Tunnel] = loop.create_future()
        self.inbox = Lane()
        self.over: asyncio.Future[Ending] = loop.create_future()
        self.received = 0

    def end(self, ending: Ending) -> None:
        """End the stream, unless it ends already."""
        if not self.over.done():
            self.over.set_result(ending)


class Tunnel:
    """Two streams that have met.

    Args:
        stream_id: What their tokens say.
        first: The one that had waited.
        second: The one that came later.
        since: Lab time.
        behaviour: How frames are treated.
        journal: Where the tunnel is counted.
    """

    def __init__(
        self,
        stream_id: str,
        first: RouterStream,
        second: RouterStream,
        since: datetime,
        behaviour: RouterBehaviour,
        journal: Journal,
    ) -> None:
        self.stream_id = stream_id
        self._first = first
        self._second = second
        self._since = since
        self._behaviour = behaviour
        self._journal = journal
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open = {first, second}
        self._finished: set[RouterStream] = set()
        self._counted = ExitStack()
        self._counted.enter_context(journal.opened(TUNNELS))

    def info(self) -> TunnelInfo:
        """Return what is known of it."""
        return TunnelInfo(self.stream_id, self._since, self._first.received, self._second.received)

    def end(self, ending: Ending) -> None:
        """End both streams."""
        for side in self._open:
            side.end(ending)

    def silence(self) -> None:
        """Leave both streams open, and move nothing any more."""
        self._flowing.clear()

    async def carry(self, side: RouterStream) -> Ending | None:
        """Copy what comes from and goes to one side, until its stream is over.

        Returns:
            With which status it ends; None for OK.
        """
        peer = self._peer(side)
        copying = [asyncio.create_task(self._take(side, peer)), asyncio.create_task(self._give(side))]
        both = asyncio.gather(*copying)
        try:
            waiting: set[asyncio.Future[Any]] = {both, side.over}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if side.over.done():
                return side.over.result()
            return await self._copied(side, both)
        finally:
            for task in copying:
                task.cancel()
            await asyncio.gather(both, *copying, return_exceptions=True)

    async def _copied(self, side: RouterStream, both: asyncio.Future[Any]) -> Ending | None:
        try:
            await both
        except PeerGone:
            return None if side is self._first else VANISHED
        self._finished.add(side)
        return None

    def leave(self, side: RouterStream) -> bool:
        """Note that a side's stream has ended, in order or broken.

        Returns:
            Whether it was the last one.
        """
        peer = self._peer(side)
        side.inbox.abandon()
        self._open.discard(side)
        if side not in self._finished and peer in self._open:
            self._counted.enter_context(self._journal.opened(HALF_OPEN))
            if self._behaviour.half_open == "clean":
                peer.end(PEER_GONE)
        if not self._open:
            self._counted.close()
        return not self._open

    def _peer(self, side: RouterStream) -> RouterStream:
        return self._second if side is self._first else self._first

    async def _take(self, side: RouterStream, peer: RouterStream) -> None:
        while isinstance(frame := await side.context.read(), bytes):
            side.received += len(frame)
            await self._flowing.wait()
            await peer.inbox.put(frame)
        peer.inbox.end()

    async def _give(self, side: RouterStream) -> None:
        while (frame := await side.inbox.get()) is not None:
            for piece in self._behaviour.shaped(frame):
                await self._flowing.wait()
                if pause := self._behaviour.pause(piece):
                    await asyncio.sleep(pause)
                await side.context.write(piece)
