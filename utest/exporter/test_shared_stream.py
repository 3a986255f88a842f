"""Several readers of one stream: who sets the pace, what a slow one misses, and how much waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from JumpstarterLibrary.exporter.readers import Backlog, SharedReader
from JumpstarterLibrary.exporter.shared_stream import SharedStream
from JumpstarterLibrary.exporter.streams import BrokenStream, ClosedStream, EndOfStream

LIMIT = 1000
LOGGER = logging.getLogger("driver.PySerial")


class Far:
    """What is shared: a source of ten pieces of 400 bytes, each of another letter."""

    def __init__(self, end: type[Exception] | None = EndOfStream) -> None:
        self.given = 0
        self.taken: list[bytes] = []
        self.closed = False
        self.half_closed = 0
        self._end = end

    async def receive(self) -> bytes:
        await asyncio.sleep(0)
        if self.given < 10:
            self.given += 1
            return bytes([ord("a") - 1 + self.given]) * 400
        if self._end is not None:
            raise self._end("the port broke")
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, data: bytes) -> None:
        self.taken.append(data)

    async def send_eof(self) -> None:
        self.half_closed += 1

    async def aclose(self) -> None:
        self.closed = True

    def close_now(self) -> None:
        self.closed = True


EVERYTHING = b"".join(bytes([ord("a") + index]) * 400 for index in range(10))


def run(coroutine: Coroutine[Any, Any, object]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 20))


@asynccontextmanager
async def readers(far: Far, count: int, patience: float = 0) -> AsyncIterator[list[SharedReader]]:
    shared = SharedStream(lambda: far, "the port", LOGGER, limit=LIMIT, patience=patience)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(shared.join()) for _ in range(count)]
    assert far.closed


async def all_of(reader: SharedReader) -> bytes:
    return b"".join([piece async for piece in reader])


async def settled() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


def test_single_reader_sets_the_pace_and_misses_nothing() -> None:
    async def scenario() -> None:
        far = Far()
        async with readers(far, 1) as (reader,):
            await settled()
            assert far.given == 3, "400 bytes beyond the limit of 1000 at most"
            assert await all_of(reader) == EVERYTHING

    run(scenario())


def test_readers_that_all_take_nothing_stop_the_port() -> None:
    async def scenario() -> None:
        far = Far()
        async with readers(far, 3) as those:
            await settled()
            assert far.given == 3
            assert await asyncio.gather(*map(all_of, those)) == [EVERYTHING] * 3

    run(scenario())


def test_slow_reader_misses_what_it_does_not_take_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with readers(Far(), 2) as (quick, slow):
            assert await all_of(quick) == EVERYTHING
            assert slow.lag == 4000
            # What waits is bounded by the limit and one piece.
            assert await all_of(slow) == (
                b"\r\n[jumpstarter: 2600 bytes are missing here, since this client read too slowly]\r\n"
                + EVERYTHING[2600:]
            )
        assert caplog.messages == [
            f"A console stream was not read in time: 2600 bytes of the port were dropped for {slow.caller}."
        ]

    run(scenario())


def test_slow_reader_holds_the_others_up_while_they_are_patient() -> None:
    async def scenario() -> None:
        far = Far()
        async with readers(far, 2, patience=3600) as (quick, slow):
            reading = asyncio.create_task(all_of(quick))
            await settled()
            assert far.given == 3
            assert await all_of(slow) == await reading == EVERYTHING

    run(scenario())


def test_slow_reader_that_leaves_holds_nothing_up() -> None:
    async def scenario() -> None:
        far = Far()
        async with readers(far, 2, patience=3600) as (quick, slow):
            reading = asyncio.create_task(all_of(quick))
            await settled()
            slow.hang_up()
            assert await reading == EVERYTHING
            with pytest.raises(EndOfStream):
                await slow.receive()
            with pytest.raises(ClosedStream):
                await slow.send(b"x")

    run(scenario())


def test_failure_comes_behind_what_was_received_before() -> None:
    async def scenario() -> None:
        async with readers(Far(BrokenStream), 1) as those:
            for reader in those:
                got = b""
                while len(got) < len(EVERYTHING):
                    got += await reader.receive()
                assert got == EVERYTHING
                with pytest.raises(BrokenStream, match=r"^the port broke$"):
                    await reader.receive()
            with pytest.raises(ClosedStream):
                await those[0].send(b"x")

    run(scenario())


def test_half_close_reaches_the_port_from_its_only_reader() -> None:
    async def scenario() -> None:
        far = Far(None)
        async with readers(far, 2) as (one, other):
            await one.send_eof()
            assert not far.half_closed
            other.hang_up()
            await one.send_eof()
            assert far.half_closed == 1

    run(scenario())


def test_idle_port_keeps_no_more_than_its_history() -> None:
    backlog = Backlog(LIMIT)
    for _ in range(5):
        backlog.append(b"x" * 400)
    assert (backlog.start, backlog.end) == (600, 2000)
    backlog.forget(1990)
    backlog.forget(100)
    assert backlog.since(1990, 100) == b"x" * 10
    backlog.forget(9999)
    assert (backlog.start, backlog.end, backlog.since(2000, 1)) == (2000, 2000, b"")
