from __future__ import annotations

import asyncio
import logging
import re

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire
from JumpstarterLibrary.exporter.streams import BrokenStream, EndOfStream

LOGGER = logging.getLogger("driver.VirtualBoard")


def make_wire(**options: int) -> tuple[Wire, Clock]:
    clock = Clock(1.0, asyncio.get_running_loop().time)
    return Wire(clock, LOGGER, **options), clock


def test_every_stream_hears_everything_from_the_first_opening_on(run) -> None:
    async def scenario() -> None:
        wire, _ = make_wire()
        wire.put(b"lost")
        early = wire.open()
        wire.put(b"one ")
        late = wire.open()
        wire.put(b"two")
        assert (await early.receive(), await late.receive()) == (b"one two", b"one two")
        await late.send(b"typed")
        assert (wire.transmitted, wire.received) == (11, 5)

    run(scenario())


def test_receive_waits_for_the_board(run) -> None:
    async def scenario() -> None:
        wire, _ = make_wire()
        tap = wire.open()
        receiving = asyncio.create_task(tap.receive())
        await asyncio.sleep(1)
        assert not receiving.done()
        wire.put(b"now")
        assert await receiving == b"now"

    run(scenario())


def test_slow_reader_loses_the_oldest_bytes_and_the_log_says_so(run, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> tuple[bytes, bytes]:
        wire, _ = make_wire(backlog=10)
        tap = wire.open()
        for piece in (b"0123456", b"789ab", b"c"):
            wire.put(piece)
        return await tap.receive(), await tap.receive()

    assert run(scenario()) == (
        b"\r\n[jumpstarter: 2 bytes are missing here, since this client read too slowly]\r\n",
        b"23456789abc",
    )
    assert [re.sub(r"\d\d:\d\d:\d\d", "15:37:02", message) for message in caplog.messages] == [
        "A console stream was not read in time: 2 bytes of the board's console were dropped for a client (connected at "
        "15:37:02 UTC)."
    ]


def test_hanging_up_delivers_what_waits_and_then_ends(run) -> None:
    async def scenario() -> None:
        wire, _ = make_wire()
        tap = wire.open()
        wire.put(b"last words")
        wire.hang_up()
        wire.put(b"too late")
        assert await tap.receive() == b"last words"
        with pytest.raises(EndOfStream):
            await tap.receive()
        with pytest.raises(BrokenStream, match=r"^this console stream is closed$"):
            await tap.send(b"x")

    run(scenario())


def test_baud_rate_paces_the_bytes(run) -> None:
    async def scenario() -> list[tuple[float, bytes]]:
        wire, clock = make_wire(baudrate=9600)
        tap = wire.open()
        writing = asyncio.create_task(wire.write(b"x" * 96))
        heard = []
        while sum(len(data) for _, data in heard) < 96:
            data = await tap.receive()
            heard.append((clock.now(), data))
        await writing
        assert clock.now() == pytest.approx(0.1)
        return heard

    heard = run(scenario())
    assert [len(data) for _, data in heard] == [16] * 6
    assert heard[-1][0] == pytest.approx(5 * 16 / 960)


def test_bytes_in_one_piece_delay_those_that_follow(run) -> None:
    async def scenario() -> float:
        wire, clock = make_wire(baudrate=9600)
        wire.put(b"x" * 960)
        await wire.write(b"y")
        return clock.now()

    assert run(scenario()) == pytest.approx(961 / 960)


def test_negative_baud_rate_is_refused(run) -> None:
    async def scenario() -> None:
        make_wire(baudrate=-1)

    with pytest.raises(ValueError, match=r"^The console's baudrate must be 0 \(unlimited\) or above, not -1.$"):
        run(scenario())


def test_clock_runs_at_its_speed(run) -> None:
    async def scenario() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        clock = Clock(10, loop.time)
        start = loop.time()
        await clock.sleep(5)
        await clock.sleep_until(20)
        with pytest.raises(TimeoutError):
            async with clock.limit(10):
                await asyncio.sleep(60)
        return loop.time() - start, clock.now()

    assert run(scenario()) == (pytest.approx(3), pytest.approx(30))


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match=r"^The board's speed must be above 0, not .*; 1 is real time"):
        Clock(speed)
