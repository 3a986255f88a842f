"""Lab time: scaled, advanced, standing still."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from datetime import UTC, datetime

import pytest

from JumpstarterLibrary.lab.clock import Clock

START = datetime(2030, 1, 1, tzinfo=UTC)


def test_time_runs_scaled() -> None:
    clock = Clock(scale=1000, start=START)
    time.sleep(0.01)
    assert clock.seconds() >= 10
    assert (clock.now() - START).total_seconds() >= 10
    assert clock.real(10) == 0.01
    assert clock.real(-1) == 0
    assert clock.second_of(clock.at_second(5)) == 5


def test_the_default_is_real_time() -> None:
    assert abs((Clock().now() - datetime.now(UTC)).total_seconds()) < 5
    assert Clock().scale == 1


def test_sleeping_takes_scaled_time() -> None:
    clock = Clock(scale=1000)

    async def sleep() -> float:
        began = time.monotonic()
        await clock.sleep(50)
        return time.monotonic() - began

    assert asyncio.run(sleep()) >= 0.05


def test_a_jump_wakes_those_who_are_due() -> None:
    clock = Clock(scale=0, start=START)
    woken: list[str] = []

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    async def run() -> None:
        tasks = [asyncio.create_task(sleep("late", 60)), asyncio.create_task(sleep("soon", 10))]
        await asyncio.sleep(0)
        clock.advance(10)
        await tasks[1]
        assert woken == ["soon"]
        assert clock.seconds() == 10
        assert clock.now() == datetime(2030, 1, 1, 0, 0, 10, tzinfo=UTC)
        clock.advance(50)
        await tasks[0]
        assert woken == ["soon", "late"]

    asyncio.run(asyncio.wait_for(run(), 5))


def test_a_jump_from_another_thread() -> None:
    clock = Clock(scale=0)

    async def run() -> None:
        sleeping = asyncio.create_task(clock.sleep(1e6))
        await asyncio.sleep(0)
        thread = threading.Thread(target=clock.advance, args=(1e6,))
        thread.start()
        await sleeping
        thread.join()

    asyncio.run(asyncio.wait_for(run(), 5))
    assert clock.seconds() == 1e6


def test_a_new_speed_counts_at_once_and_keeps_the_time() -> None:
    clock = Clock(scale=0, start=START)
    clock.advance(100)

    async def run() -> None:
        sleeping = asyncio.create_task(clock.sleep(100))
        await asyncio.sleep(0)
        clock.scale = 10_000
        await sleeping

    asyncio.run(asyncio.wait_for(run(), 5))
    assert clock.seconds() >= 200


def test_timers_call_once_and_never_at_once() -> None:
    clock = Clock(scale=0)
    called: list[int] = []

    async def run() -> None:
        clock.at(-1, lambda: called.append(1))
        assert called == []
        cancelled = clock.at(0, lambda: called.append(2))
        cancelled.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
            clock.advance(1)
        await asyncio.sleep(0)

    asyncio.run(run())
    assert called == [1]
    assert not clock._timers


def test_a_jump_after_the_end_of_a_loop_harms_nobody() -> None:
    clock = Clock(scale=0)

    async def run() -> None:
        clock.at(5, lambda: None)

    asyncio.run(run())
    clock.advance(10)
    assert clock.seconds() == 10


def test_a_cancelled_sleep_leaves_nothing() -> None:
    clock = Clock(scale=0)

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clock.sleep(1), 0.01)

    asyncio.run(run())
    assert not clock._timers
    assert clock.real(1) == math.inf


def test_it_never_goes_back() -> None:
    with pytest.raises(ValueError, match=r"^The lab's clock cannot go back; it was asked to advance by -1 seconds\.$"):
        Clock().advance(-1)
    with pytest.raises(ValueError, match=r"^The scale of the lab's clock must be a number from 0 on, not -2\.$"):
        Clock(scale=-2)


def test_a_task_that_begins_late_wakes_at_its_second() -> None:
    clock = Clock(scale=0, start=START)

    async def sleep() -> None:
        task = asyncio.ensure_future(clock.sleep_until(clock.seconds() + 10))
        clock.advance(9)  # before the task has begun
        await asyncio.sleep(0)
        clock.advance(1)
        await asyncio.wait_for(task, 5)

    asyncio.run(sleep())
    assert clock.seconds() == 10
