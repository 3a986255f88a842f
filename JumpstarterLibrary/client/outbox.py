"""The sending side of a byte stream: a bounded hand-over to the thread in which gRPC asks for the next frame."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.errors import LinkError, OperationTimeout
from JumpstarterLibrary.protocol import router_pb2
from JumpstarterLibrary.protocol.generated.router_pb2 import FRAME_TYPE_GOAWAY, StreamRequest

LIMIT = 8
"""Frames that wait to be sent before ``put`` blocks."""


class Outbox:
    """Frames to send, in order; an iterator for gRPC, a bounded queue for us."""

    def __init__(self) -> None:
        self._frames: deque[router_pb2.StreamRequest] = deque()
        self._condition = threading.Condition()
        self._ended = False
        self._dead = False
        self._idle = False
        self._last_put = -math.inf

    def put(self, data: bytes, deadline: Deadline) -> None:
        """Hand over one frame, waiting for room.

        Raises:
            OperationTimeout: There was no room before the deadline: the far side takes nothing.
            LinkError: The stream is over.
        """
        self._put(StreamRequest(payload=data), deadline)

    def end(self) -> None:
        """End the data of this direction: a GOAWAY frame, then a half-closed request side. Ending twice is fine."""
        with self._condition:
            if not self._ended:
                self._frames.append(StreamRequest(frame_type=FRAME_TYPE_GOAWAY))
                self._ended = True
                self._condition.notify_all()

    def drained(self, limit_s: float) -> bool:
        """Wait until gRPC has sent what was put during the last moments.

        Args:
            limit_s: How long to wait, and how long ago a frame may have been put to be waited for.

        Returns:
            Whether there was something, and it was sent.
        """
        with self._condition:
            if clock.seconds() - self._last_put > limit_s:
                return False
            end = Deadline(limit_s)
            while not (self._dead or (self._idle and not self._frames) or end.expired):
                clock.wait(self._condition, end.remaining)
            return self._idle and not self._dead

    @property
    def waiting(self) -> int:
        """Bytes that gRPC has not asked for yet."""
        with self._condition:
            return sum(len(frame.payload) for frame in self._frames)

    def kill(self) -> None:
        """Drop what waits and release both sides; the stream is over."""
        with self._condition:
            self._dead = True
            self._frames.clear()
            self._condition.notify_all()

    def _put(self, frame: router_pb2.StreamRequest, deadline: Deadline) -> None:
        with self._condition:
            while not self._dead and not self._ended and len(self._frames) >= LIMIT:
                if not clock.wait(self._condition, deadline.at_most(1.0)) and deadline.expired:
                    raise OperationTimeout(
                        f"The far side of the byte stream took no data for {format_duration(deadline.timeout or 0)}."
                    )
            if self._dead or self._ended:
                raise LinkError("The byte stream is closed; nothing more can be sent on it.")
            self._frames.append(frame)
            self._last_put = clock.seconds()
            self._condition.notify_all()

    def __iter__(self) -> Iterator[router_pb2.StreamRequest]:
        return self

    def __next__(self) -> router_pb2.StreamRequest:
        with self._condition:
            # gRPC asks for a frame when it has sent the one before.
            self._idle = True
            self._condition.notify_all()
            while not self._frames:
                if self._dead or self._ended:
                    raise StopIteration
                self._condition.wait()
            self._idle = False
            frame = self._frames.popleft()
            self._condition.notify_all()
            return frame
