"""Byte streams to drivers for code that waits: send and receive."""

from __future__ import annotations

from typing import Any

from JumpstarterLibrary.client import ByteStream
from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.errors import InfrastructureError, OperationTimeout
from pytest_jumpstarter.upstream_api.clients.endings import broken, closed, end_of_data


class BlockingStream:
    """A stream of anyio's, used from a thread.

    Args:
        stream: The stream.
        portal: The portal of the event loop that it belongs to.
    """

    def __init__(self, *, stream: Any, portal: Any) -> None:
        self.stream, self.portal = stream, portal

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.portal.call(self.stream.send, data)

    def receive(self) -> bytes:
        """Return the next bytes.

        Raises:
            anyio.EndOfStream: There are no more.
        """
        data: bytes = self.portal.call(self.stream.receive)
        return data

    def send_eof(self) -> None:
        """End our direction; the far side still may send."""
        self.portal.call(self.stream.send_eof)


class DriverStream(BlockingStream):
    """A byte stream of a driver, used as it is.

    Args:
        stream: The stream of the client core.
        portal: The client's portal.
    """

    stream: ByteStream

    def send(self, data: bytes, timeout: Seconds = None) -> None:
        """Send bytes.

        Args:
            data: The bytes.
            timeout: Seconds or timedelta in which the far side has to take them. Default: no limit.

        Raises:
            OperationTimeout: It took nothing in that time.
            LinkError: The stream is closed; also anyio's ``ClosedResourceError``, if anyio is in use.
        """
        try:
            self.stream.send(data, timeout)
        except OperationTimeout:
            raise
        except InfrastructureError as error:
            raise closed(error) from error.__cause__

    def receive(self, max_bytes: int = 65536, timeout: Seconds = None) -> bytes:
        """Return the next bytes.

        Args:
            max_bytes: How many at most. Default: 64 KiB.
            timeout: Seconds or timedelta to wait for them. Default: no limit.

        Raises:
            EOFError: There are no more; also anyio's ``EndOfStream``, if anyio is in use.
            OperationTimeout: Nothing came in that time, and nothing is lost.
            InfrastructureError: The stream broke; also anyio's ``BrokenResourceError``, if anyio is in use.
        """
        try:
            data = self.stream.receive(max_bytes, timeout)
        except OperationTimeout:
            raise
        except InfrastructureError as error:
            raise broken(error) from error.__cause__
        if not data:
            raise end_of_data()
        return data

    def send_eof(self) -> None:
        """End our direction; the far side still may send."""
        self.stream.send_eof()

    def close(self) -> None:
        """End the stream and free the driver. Closing twice is fine."""
        self.stream.close()
