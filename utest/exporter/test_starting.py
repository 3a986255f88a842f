"""Servers whose start is interrupted."""

from __future__ import annotations

import asyncio

from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.serving import serve_unix
from JumpstarterLibrary.exporter.session import Session

STEPS = 30
"""Turns of the event loop in which a session has started."""


def test_a_session_can_be_cancelled_at_any_moment_of_its_start() -> None:
    async def serve() -> None:
        session = Session(MockPower(), grace=0)
        async with session, serve_unix(session):
            await asyncio.Event().wait()

    async def cancel_after(steps: int) -> bool:
        serving = asyncio.create_task(serve())
        for _ in range(steps):
            await asyncio.sleep(0)
        serving.cancel()
        await asyncio.wait({serving})
        return serving.cancelled()

    async def at_every_step() -> list[bool]:
        return [await cancel_after(steps) for steps in range(STEPS)]

    assert asyncio.run(at_every_step()) == [True] * STEPS
