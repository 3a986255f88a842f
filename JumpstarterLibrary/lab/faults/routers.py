"""Faults of the router: it refuses, drops, delays or cuts up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.faults.options import Option, count, seconds, size, text
from JumpstarterLibrary.lab.faults.ports import kept
from JumpstarterLibrary.lab.faults.table import lasting, once
from JumpstarterLibrary.lab.router_behaviour import Refusal, RouterBehaviour

CODES = tuple(code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK)

_USUAL = RouterBehaviour()


@once(
    "router",
    "drop",
    "Open tunnels break.",
    Option("how", text, "whether both sides hear of it at once, or neither does", "reset", ("reset", "silent")),
)
async def drop(parts: LabComponents, *, how: str) -> None:
    """Break tunnels."""
    parts.router.drop(how=how)


@lasting(
    "router",
    "refuse",
    "New tunnels are refused, as with a token that has expired or was made with another key.",
    Option("code", text, "with which gRPC code", "UNAUTHENTICATED", CODES),
    Option("details", text, "with which text", "invalid jwt token"),
    Option("times", count, "how many streams, of either side; default: all"),
)
async def refuse(parts: LabComponents, *, code: str, details: str, times: int | None) -> AsyncIterator[None]:
    """Refuse tunnels."""
    with _behaving(parts, refuse=Refusal(code=grpc.StatusCode[code], details=details, times=times)):
        yield


@lasting("router", "never-pair", "The two sides of new tunnels never meet.")
async def never_pair(parts: LabComponents) -> AsyncIterator[None]:
    """Let both sides wait."""
    with _behaving(parts, never_pair=True):
        yield


@lasting(
    "router",
    "slow",
    "Frames take their time.",
    Option("delay", seconds, "how long each is held back", 0.05),
    Option("rate", size, "bytes per second in each direction; default: no limit"),
)
async def slow(parts: LabComponents, *, delay: float, rate: int | None) -> AsyncIterator[None]:
    """Hold frames back."""
    real = parts.clock.scale or 1.0
    with _behaving(parts, delay_s=delay / real, bytes_per_second=None if rate is None else rate * real):
        yield


@lasting(
    "router",
    "rechunk",
    "Frames are cut up.",
    Option("size", size, "bytes of the longest frame", 1),
)
async def rechunk(parts: LabComponents, *, size: int) -> AsyncIterator[None]:
    """Cut frames up."""
    with _behaving(parts, rechunk=size):
        yield


@lasting("router", "empty-frames", "A frame without data comes before each frame.")
async def empty_frames(parts: LabComponents) -> AsyncIterator[None]:
    """Send empty frames."""
    with _behaving(parts, empty_frames=True):
        yield


@lasting("router", "odd-frames", "A PING, an RST_STREAM and a frame of an unknown type come before each frame.")
async def odd_frames(parts: LabComponents) -> AsyncIterator[None]:
    """Send frames of other types."""
    with _behaving(parts, odd_frames=True):
        yield


@lasting(
    "router",
    "half-open",
    "What a side hears when the other one has vanished: nothing (upstream, as ever) or the end of its stream (clean).",
    Option("mode", text, "which", "upstream", ("upstream", "clean")),
)
async def half_open(parts: LabComponents, *, mode: Any) -> AsyncIterator[None]:
    """Choose what a survivor hears."""
    with _behaving(parts, half_open=mode):
        yield


@lasting("router", "down", "It is gone, with all tunnels; it comes back in the end.")
async def down(parts: LabComponents) -> AsyncIterator[None]:
    """Stop the router."""
    await parts.router.stop_serving()
    with kept(parts.router.endpoint):
        yield
    await parts.router.start_serving()


@once(
    "router",
    "restart",
    "It is gone, with all tunnels, and comes back.",
    Option("down", seconds, "how long it is gone", 0.0),
)
async def restart(parts: LabComponents, *, down: float) -> None:
    """Stop the router and start it."""
    await parts.router.stop_serving()
    with kept(parts.router.endpoint):
        await parts.clock.sleep(down)
    await parts.router.start_serving()


@contextmanager
def _behaving(parts: LabComponents, **changes: Any) -> Iterator[None]:
    """Change the router's behaviour for the block; at its end, also by an error, set it back."""
    for name, value in changes.items():
        setattr(parts.router.behaviour, name, value)
    try:
        yield
    finally:
        for name in changes:
            setattr(parts.router.behaviour, name, getattr(_USUAL, name))
