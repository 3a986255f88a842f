"""A storage service that does not answer when it is to sign a request for the exporter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.clients.transfers import PRESIGN_S, _run

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.errors import OperationTimeout


def test_the_wait_for_a_signature_ends(
    clock: MovableClock, during: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    going: list[asyncio.Event] = []

    async def sign() -> str:
        loops.append(asyncio.get_running_loop())
        going.append(asyncio.Event())
        await going[0].wait()
        return "signed"

    signing = during(lambda: _run(sign))
    eventually(lambda: going)
    clock.advance(PRESIGN_S)
    with pytest.raises(OperationTimeout) as caught:
        signing()
    assert str(caught.value) == (
        "The storage of the image did not presign a request for it within 30 seconds. Check the operator, and that its "
        "service can be reached."
    )
    loops[0].call_soon_threadsafe(going[0].set)


def test_what_was_signed() -> None:
    async def sign() -> str:
        return "signed"

    assert _run(sign) == "signed"
