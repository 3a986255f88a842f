"""A byte stream that gives back what it is sent."""

from __future__ import annotations

from JumpstarterLibrary.exporter.streams import StreamMixin, memory_pair


class LoopbackStream(StreamMixin):
    """A stream that echoes chunk by chunk, until the data sent has ended. A sender waits until the echo is taken."""

    def __init__(self) -> None:
        self._entry, self._exit = memory_pair()

    async def send(self, data: bytes) -> None:
        """Send a chunk.

        Raises:
            BrokenStream: The stream is closed.
        """
        await self._entry.send(data)

    async def receive(self) -> bytes:
        """Return the next chunk that was sent.

        Raises:
            EndOfStream: The data sent has ended, or the stream is closed, and everything was received.
        """
        return await self._exit.receive()

    async def send_eof(self) -> None:
        """End the data sent, and with it what is received."""
        await self._entry.send_eof()

    async def aclose(self) -> None:
        """Close: nothing can be sent any more, and what was sent can still be received."""
        await self._entry.aclose()

    def close_now(self) -> None:
        """Close at once, for callers that cannot await; what was not received is lost."""
        self._entry.break_off("the stream was closed")
