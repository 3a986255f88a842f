"""The lab router's treatment of streams: correct, or with faults that a client must handle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import grpc

from JumpstarterLibrary.protocol import router_pb2

HalfOpen = Literal["upstream", "clean"]

UNKNOWN_FRAME = 99
"""A frame type that does not exist."""


@dataclass(kw_only=True)
class Refusal:
    """With what new streams are refused.

    Attributes:
        code: The status.
        details: Its text.
        times: How many streams it meets; None for all of them.
    """

    code: grpc.StatusCode = grpc.StatusCode.UNAUTHENTICATED
    details: str = "invalid jwt token"
    times: int | None = None


@dataclass(kw_only=True)
class RouterBehaviour:
    """The behaviour of a router. The defaults are what upstream's router does; everything can be changed while it runs.

    Attributes:
        half_open: What a side learns when its peer vanished without a word. ``upstream``: nothing, until it sends a
            frame; then its stream ends, with OK for the side that had waited for the other, else with CANCELLED.
            ``clean``: its stream ends with UNAVAILABLE at once.
        refuse: Refuse new streams, before their tokens are looked at.
        never_pair: Let every new stream wait for ever.
        delay_s: Real seconds by which each frame is held back.
        rechunk: Cut data into frames of at most so many bytes.
        empty_frames: Send a frame without data before each frame.
        odd_frames: Send a PING, an RST_STREAM and a frame of an unknown type, with bytes in them, before each frame.
        bytes_per_second: How much passes in each direction of a tunnel, per real second.
    """

    half_open: HalfOpen = "upstream"
    refuse: Refusal | None = None
    never_pair: bool = False
    delay_s: float = 0.0
    rechunk: int | None = None
    empty_frames: bool = False
    odd_frames: bool = False
    bytes_per_second: float | None = None

    def shaped(self, frame: bytes) -> Iterator[bytes]:
        """Yield the frames that become of one, serialized like it."""
        if self.odd_frames:
            yield from _ODD_FRAMES
        if self.empty_frames:
            yield _EMPTY_FRAME
        if self.rechunk is None or len(frame) <= self.rechunk:
            yield frame
        else:
            yield from _cut(frame, self.rechunk)

    def pause(self, frame: bytes) -> float:
        """Return the seconds that a frame takes on its way."""
        return self.delay_s + (len(frame) / self.bytes_per_second if self.bytes_per_second else 0.0)


def _cut(frame: bytes, limit: int) -> Iterator[bytes]:
    whole = router_pb2.StreamResponse.FromString(frame)
    # At least one frame: those without data say something, too.
    for start in range(0, max(len(whole.payload), 1), limit):
        payload = whole.payload[start : start + limit]
        yield router_pb2.StreamResponse(payload=payload, frame_type=whole.frame_type).SerializeToString()


def _odd(frame_type: int) -> bytes:
    return router_pb2.StreamResponse(payload=b"odd", frame_type=frame_type).SerializeToString()  # type: ignore[arg-type]


_EMPTY_FRAME = b""
_ODD_FRAMES = tuple(map(_odd, (router_pb2.FRAME_TYPE_PING, router_pb2.FRAME_TYPE_RST_STREAM, UNKNOWN_FRAME)))
