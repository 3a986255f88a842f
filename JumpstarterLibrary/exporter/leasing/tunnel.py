"""One tunnel: joins a router's byte stream to a session's socket."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio

from JumpstarterLibrary.errors import InfrastructureError
from JumpstarterLibrary.exporter.leasing.access import ControllerAccess
from JumpstarterLibrary.exporter.leasing.channels import open_channel
from JumpstarterLibrary.exporter.leasing.refusals import short
from JumpstarterLibrary.exporter.leasing.timing import ExporterTiming
from JumpstarterLibrary.protocol import RouterStub, router_pb2

FRAME_SIZE = 512 * 1024
"""Bytes of a frame at most; what has arrived is sent, without waiting for more."""

BUFFER_SIZE = 1024 * 1024
"""Bytes that a socket holds for the session, where the system allows so many."""

_DATA = router_pb2.FRAME_TYPE_DATA
_GOAWAY = router_pb2.FRAME_TYPE_GOAWAY

_log = logging.getLogger(__name__)


class _StreamOver(Exception):
    """The router has ended the stream, with the status OK."""


class Tunnel:
    """Copies bytes between a router and a session until both directions have ended.

    Frames pass as they come: each is written to the session's socket before the next one is read, and what the session
    sends waits in its socket until the router takes it.

    Args:
        access: How the router's connection is secured.
        endpoint: The router, ``host:port``.
        token: What names the tunnel.
        path: The session's socket.
        moving: Copy nothing while this is not set.
        timing: Pauses.

    Attributes:
        received: Bytes that came from the router.
        sent: Bytes that went to it.
        ending: Whether the session ends in order: the router is then told so, also where the session's end breaks its
            connection, since it would tell the client nothing of a stream that breaks.
    """

    def __init__(
        self,
        access: ControllerAccess,
        endpoint: str,
        token: str,
        path: str,
        moving: asyncio.Event,
        timing: ExporterTiming,
    ) -> None:
        self._access = access
        self._endpoint = endpoint
        self._token = token
        self._path = path
        self._moving = moving
        self._timing = timing
        self.received = 0
        self.sent = 0
        self.ending = False

    async def run(self) -> None:
        """Open both ends and copy. What goes wrong is logged, and closes both; cancelling closes them, too."""
        try:
            channel = await open_channel(self._access, self._endpoint, alone=True)
        except InfrastructureError as error:
            _log.warning("The router cannot be reached: %s", error)
            return
        try:
            await self._join(channel)
        except grpc.aio.AioRpcError as error:
            _log.warning("The stream to the router at %s broke: %s", self._endpoint, short(error))
        except (_StreamOver, asyncio.InvalidStateError):
            # The second is what gRPC says of a frame for a stream that has ended in good order.
            _log.debug("The router at %s ended a stream.", self._endpoint)
        except OSError as error:
            _log.info("A tunnel's connection to the session ended: %s", error)
        finally:
            await channel.close(None)

    async def _join(self, channel: Any) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as near:
            near.setblocking(False)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_SIZE)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(near, self._path)
            stream: Any = RouterStub(channel).stream
            call = stream(metadata=(("authorization", f"Bearer {self._token}"),))
            try:
                await _both(self._to_session(call, near, loop), self._to_router(call, near, loop))
                # Closing the channel before the router has taken the last frame would lose it.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._timing.real(self._timing.stream_end_s)):
                        await call.code()
            finally:
                # Closing the channel ends only calls for which a task waits.
                call.cancel()

    async def _to_session(self, call: Any, near: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        while (frame := await _frame(call)).frame_type != _GOAWAY:
            await self._moving.wait()
            # The payload of other frame types is ignored.
            if frame.frame_type == _DATA and (payload := frame.payload):
                self.received += len(payload)
                if not await self._taken(near, payload, loop):
                    return
        with suppress(OSError):
            near.shutdown(socket.SHUT_WR)

    async def _to_router(self, call: Any, near: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        buffer = memoryview(bytearray(FRAME_SIZE))
        while size := await self._given(near, buffer, loop):
            await self._moving.wait()
            self.sent += size
            await call.write(router_pb2.StreamRequest(payload=bytes(buffer[:size]), frame_type=_DATA))
        await call.write(router_pb2.StreamRequest(frame_type=_GOAWAY))
        await call.done_writing()

    async def _taken(self, near: socket.socket, payload: bytes, loop: asyncio.AbstractEventLoop) -> bool:
        """Pass a payload on to the session; return whether the session has taken it."""
        try:
            await loop.sock_sendall(near, payload)
        except OSError:
            if not self.ending:
                raise
            return False
        return True

    async def _given(self, near: socket.socket, buffer: memoryview, loop: asyncio.AbstractEventLoop) -> int:
        """Read from the session, and return how many bytes; 0 at the end."""
        try:
            return await loop.sock_recv_into(near, buffer)
        except OSError:
            if not self.ending:
                raise
            return 0


async def _frame(call: Any) -> router_pb2.StreamResponse:
    frame = await call.read()
    if isinstance(frame, router_pb2.StreamResponse):
        return frame
    # Only GOAWAY ends one direction. A stream that is over on the router's side takes nothing any more.
    raise _StreamOver


async def _both(*directions: Awaitable[None]) -> None:
    """Wait for both directions; if one fails, end the other one."""
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
