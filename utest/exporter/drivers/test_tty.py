from __future__ import annotations

import asyncio
import os
import pty
import tty

import pytest

from JumpstarterLibrary.exporter.drivers.tty import BAUD_RATES, TtyStream, open_device
from JumpstarterLibrary.exporter.streams import BrokenStream, EndOfStream

LIMIT_S = 10


@pytest.fixture
def ends():
    """A device's end of a pseudo terminal, and the path of the port's."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    os.close(master)


async def wait(*tasks: asyncio.Task[object]) -> None:
    done, _ = await asyncio.wait(tasks, timeout=LIMIT_S)
    assert done == set(tasks)


def test_speeds():
    assert {9600, 115200, 3000000} <= set(BAUD_RATES)
    assert 0 not in BAUD_RATES


@pytest.mark.parametrize("close", ["aclose", "close_now"])
def test_closing_wakes_whoever_waits(ends, close):
    async def run() -> None:
        stream = TtyStream(open_device(ends[1]))
        receiving = asyncio.create_task(stream.receive())
        # More than a pseudo terminal holds, and nobody reads.
        sending = asyncio.create_task(stream.send(b"x" * 1_000_000))
        done, _ = await asyncio.wait({receiving, sending}, timeout=0.05)
        assert not done
        if (closing := getattr(stream, close)()) is not None:
            await closing
        await wait(receiving, sending)
        assert isinstance(receiving.exception(), EndOfStream)
        assert isinstance(sending.exception(), BrokenStream)
        assert str(sending.exception()) == "the serial port is closed"
        await stream.aclose()

    asyncio.run(run())


def test_cancelled_receiver_leaves_the_data_to_the_next(ends):
    async def run() -> bytes:
        stream = TtyStream(open_device(ends[1]))
        receiving = asyncio.create_task(stream.receive())
        await asyncio.sleep(0)
        receiving.cancel()
        await wait(receiving)
        os.write(ends[0], b"data")
        data = await stream.receive()
        await stream.aclose()
        return data

    assert asyncio.run(run()) == b"data"


def test_sending_to_a_device_that_hung_up():
    async def run() -> None:
        master, slave = pty.openpty()
        stream = TtyStream(open_device(os.ttyname(slave)))
        os.close(slave)
        os.close(master)
        with pytest.raises(BrokenStream, match=r"^the serial port broke while sending: Input/output error$"):
            await stream.send(b"anybody?")
        with pytest.raises(EndOfStream):
            await stream.receive()
        await stream.aclose()

    asyncio.run(run())
