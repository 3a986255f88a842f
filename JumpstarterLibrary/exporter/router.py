"""Byte streams on the wire: joins a gRPC stream to a driver's stream or to a resource."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from JumpstarterLibrary.exporter.streams import (
    BrokenStream,
    ByteStream,
    EndOfStream,
    broken_stream_types,
    end_of_stream_types,
)
from JumpstarterLibrary.protocol import router_pb2

FRAME_LIMIT = 1024 * 1024
"""Bytes of a sent frame; larger chunks are cut. Clients refuse messages beyond 4 MiB."""

GOODBYE_LIMIT_S = 0.5
"""Seconds in which a stream that takes no more data may give what it has left, before it is closed."""

CANCEL_NOTICE_S = 0.1
"""Seconds in which a cancelled RPC shows that it was cancelled. Until then it looks like one that was half-closed."""

_log = logging.getLogger(__name__)

_DATA = router_pb2.FRAME_TYPE_DATA
_GOAWAY = router_pb2.FRAME_TYPE_GOAWAY


class Forwarder:
    """Copies frames between an RPC and the far side until both directions have ended.

    Args:
        context: The RPC.
        far: The driver's stream, or this side's end of a resource. Streams of anyio serve as well, also those that
            only give or only take data, or have no half-close.
        name: What the stream is, for the log.
        doubt_half_close: Take the end of the client's frames for the end of its data only if it said so by GOAWAY, or
            if the RPC goes on for a moment.
    """

    def __init__(self, context: Any, far: ByteStream, name: str, *, doubt_half_close: bool = False) -> None:
        self._context = context
        self._far = far
        self._name = name
        self._doubt_half_close = doubt_half_close
        self._broken = False

    async def run(self) -> Exception | None:
        """Copy. A far side that breaks ends both directions, and is logged.

        Returns:
            What else the far side raised, if anything. The client has been told that no more data follows.
        """
        outbound = asyncio.create_task(self._to_client())
        inbound = asyncio.create_task(self._to_driver(outbound))
        try:
            await asyncio.wait({inbound, outbound}, return_when=asyncio.FIRST_EXCEPTION)
            if inbound.done() and inbound.exception() is not None and not outbound.done():
                await self._wind_up(outbound)
        finally:
            inbound.cancel()
            outbound.cancel()
            results = await asyncio.gather(inbound, outbound, return_exceptions=True)
        return next((result for result in results if isinstance(result, Exception)), None)

    async def _to_driver(self, outbound: asyncio.Task[None]) -> None:
        while (frame := await self._frame()) is not None:
            if self._broken:
                # The client has been told by GOAWAY, but its frames must not pile up on the way.
                continue
            try:
                await self._give(frame.payload if frame.frame_type == _DATA else b"")
            except broken_stream_types() as error:
                self._report(f"taking data: {error}")
                await self._wind_up(outbound)
        if not self._broken:
            await self._end()

    async def _give(self, payload: bytes) -> None:
        if (send := getattr(self._far, "send", None)) is None:
            raise BrokenStream("the driver's stream only gives data")
        await send(payload)

    async def _end(self) -> None:
        """Half-close the far side, if it can be: datagram sockets, for example, have no end of data."""
        if (send_eof := getattr(self._far, "send_eof", None)) is None:
            return
        try:
            await send_eof()
        except broken_stream_types() as error:
            _log.debug("%s was closed before the end of data: %s", self._name, error)
        except OSError as error:
            # A socket whose peer has gone.
            _log.debug("%s was closed before the end of data: %s", self._name, error)

    async def _wind_up(self, outbound: asyncio.Task[None]) -> None:
        """Let the other direction, the only one that may write to the RPC, give what there is and say goodbye."""
        _, waiting = await asyncio.wait({outbound}, timeout=GOODBYE_LIMIT_S)
        if waiting:
            # Wakes it, if it waits for more.
            await self._far.aclose()
            await asyncio.wait(waiting, timeout=GOODBYE_LIMIT_S)

    def _report(self, what: str) -> None:
        if not self._broken:
            _log.warning("%s broke while %s", self._name, what)
        self._broken = True

    async def _frame(self) -> router_pb2.StreamRequest | None:
        """Return the next frame, or None at the end of the client's data."""
        frame = await self._context.read()
        if isinstance(frame, router_pb2.StreamRequest):
            return None if frame.frame_type == _GOAWAY else frame
        if self._doubt_half_close:
            # Cancelling the RPC ends this task here.
            await asyncio.sleep(CANCEL_NOTICE_S)
        return None

    async def _to_client(self) -> None:
        try:
            while True:
                await self._send(await self._take())
        except end_of_stream_types():
            await self._goodbye()
        except broken_stream_types() as error:
            self._report(f"giving data: {error}")
            await self._goodbye()
        except Exception:
            await self._goodbye()
            raise

    async def _take(self) -> bytes:
        if (receive := getattr(self._far, "receive", None)) is None:
            raise EndOfStream("the driver's stream only takes data")
        chunk: bytes = await receive()
        return chunk

    async def _send(self, chunk: bytes) -> None:
        if len(chunk) <= FRAME_LIMIT:
            await self._context.write(router_pb2.StreamResponse(payload=bytes(chunk), frame_type=_DATA))
            return
        view = memoryview(chunk)
        for start in range(0, len(chunk), FRAME_LIMIT):
            await self._send(bytes(view[start : start + FRAME_LIMIT]))

    async def _goodbye(self) -> None:
        await self._context.write(router_pb2.StreamResponse(frame_type=_GOAWAY))
