"""Leases in coroutines: what blocks is done in threads, and whatever is cancelled, is taken back."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any

import anyio
import anyio.to_thread
import pytest
from anyio.from_thread import BlockingPortal
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.exceptions import ConnectionError, LeaseError
from pytest_jumpstarter.upstream_api.config.lease import Lease
from pytest_jumpstarter.upstream_api.config.threads import Stopped, opening, shielded, stoppable

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.errors import LeaseTimeout, LeaseUnsatisfiable, UsageError
from JumpstarterLibrary.lab import VirtualLab

Active = Callable[[], list[str]]
Eventually = Callable[[Callable[[], object]], None]
HOUR = timedelta(hours=1)


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    async def limited() -> Any:
        with anyio.fail_after(30):
            return await main()

    return asyncio.run(limited())


# The usual


def test_a_lease_in_a_coroutine(config: ClientConfigV1Alpha1, active: Active) -> None:
    async def main() -> None:
        async with BlockingPortal() as portal:
            with ExitStack() as stack:
                async with config.lease_async("number=2", None, None, HOUR, portal) as lease:
                    assert active() == [lease.name]
                    assert (lease.exporter_name, lease.portal) == ("b2", portal)
                    assert (await lease.get()).exporter == "b2"
                    async with lease.connect_async(stack) as client, lease.monitor_async():
                        await anyio.to_thread.run_sync(client.power.on)
                    async with lease.serve_unix_async() as path:
                        assert path.is_socket()
                    assert not path.exists()
        assert active() == []

    run(main)


def test_the_loop_runs_on_meanwhile(
    config: ClientConfigV1Alpha1, other: ClientConfigV1Alpha1, lab: VirtualLab, clock: MovableClock
) -> None:
    held = other.create_lease(HOUR, exporter_name="b1")

    async def main() -> None:
        async def beat() -> None:
            looks = len(lab.journal.entries(method="GetLease", caller="tester"))
            while len(lab.journal.entries(method="GetLease", caller="tester")) < looks + 3:
                await anyio.sleep(0.01)
            clock.advance(60)

        async with anyio.create_task_group() as group:
            group.start_soon(beat)
            with pytest.raises(LeaseTimeout):
                async with config.lease_async(
                    exporter_name="b1", acquisition_timeout=timedelta(seconds=60), retry_timeout=timedelta(seconds=9)
                ):
                    pytest.fail("it is somebody else's")

    run(main)
    other.delete_lease(held.name)


def test_a_lease_that_is_there_already(config: ClientConfigV1Alpha1, active: Active) -> None:
    made = config.create_lease(HOUR, exporter_name="b1")

    async def main() -> None:
        async with config.lease_async(None, None, made.name, HOUR, None) as lease:
            assert (lease.name, lease.release) == (made.name, False)

    run(main)
    assert active() == [made.name]
    config.delete_lease(made.name)


def test_many_at_once(config: ClientConfigV1Alpha1, active: Active) -> None:
    # More than anyio has threads for by itself; those that wait must not keep the others from giving theirs back. So
    # many take some seconds.
    seen: set[str] = set()

    async def one() -> None:
        async with config.lease_async("board=b") as lease:
            seen.add(str(lease.name))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(45):
                group.start_soon(one)

    run(main)
    assert len(seen) == 45
    assert active() == []


def test_the_end_is_told_in_the_loop(config: ClientConfigV1Alpha1, lab: VirtualLab) -> None:
    async def main() -> None:
        told: list[tuple[int, timedelta]] = []
        async with config.lease_async("board=b") as lease:
            lease.lease_ending_callback = lambda _, left: told.append((threading.get_ident(), left))
            async with lease.monitor_async():
                lab.controller.release(str(lease.name))
                while not told:
                    await anyio.sleep(0.01)
        assert told == [(threading.get_ident(), timedelta(0))]

    run(main)


# Errors


def test_errors_are_those_of_plain_code(config: ClientConfigV1Alpha1, active: Active) -> None:
    async def main() -> None:
        with pytest.raises(LeaseError) as info:
            async with config.lease_async("board=c"):
                pytest.fail("there is none")
        assert isinstance(info.value, LeaseUnsatisfiable)
        with pytest.raises(ConnectionError, match="knows nothing of lease 'nothing'"):
            async with config.lease_async(lease_name="nothing"):
                pytest.fail("there is none")
        with pytest.raises(ValueError, match=r"^mine$"):
            await use()

    async def use() -> None:
        async with config.lease_async("board=b") as lease, lease.connect_async() as client:
            await anyio.to_thread.run_sync(client.power.on)
            raise ValueError("mine")

    run(main)
    assert active() == []


def test_without_anyio_it_is_said_what_to_install(
    config: ClientConfigV1Alpha1, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with config.lease_async("board=b"):
            pytest.fail("it cannot be")

    monkeypatch.setitem(sys.modules, "anyio", None)
    with pytest.raises(UsageError) as info:
        asyncio.run(main())
    assert str(info.value) == (
        "The methods of leases for coroutines need anyio, which is not installed. Install "
        "robotframework-jumpstarter[upstream], or use those without _async."
    )


# Cancellation


async def by_anyio(work: Callable[[], Awaitable[None]]) -> None:
    with anyio.move_on_after(0.3) as scope:
        await work()
    assert scope.cancelled_caught


async def by_asyncio(work: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def by_asyncio_again_and_again(work: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.3)
    while not task.done():
        task.cancel()
        await asyncio.sleep(0.02)
    with suppress(asyncio.CancelledError):
        await task


CANCELLED = pytest.mark.parametrize("cancelled", [by_anyio, by_asyncio, by_asyncio_again_and_again])
Cancelled = Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]


@CANCELLED
def test_a_wait_that_is_cancelled(
    config: ClientConfigV1Alpha1, other: ClientConfigV1Alpha1, active: Active, cancelled: Cancelled
) -> None:
    held = other.create_lease(HOUR, exporter_name="b1")

    async def wait() -> None:
        async with config.lease_async(exporter_name="b1"):
            pytest.fail("it is somebody else's")

    async def main() -> None:
        await cancelled(wait)
        assert active() == [held.name]

    run(main)
    other.delete_lease(held.name)


@CANCELLED
def test_a_block_that_is_cancelled(config: ClientConfigV1Alpha1, active: Active, cancelled: Cancelled) -> None:
    async def use() -> None:
        async with config.lease_async("board=b") as lease, lease.connect_async():
            await anyio.sleep(20)

    async def main() -> None:
        await cancelled(use)
        assert active() == []

    run(main)


@CANCELLED
def test_a_connection_that_is_cancelled(
    config: ClientConfigV1Alpha1, lab: VirtualLab, cancelled: Cancelled, eventually: Eventually
) -> None:
    async def connect(lease: Lease) -> None:
        async with lease.connect_async():
            pytest.fail("the router does not answer")

    async def main() -> None:
        async with config.lease_async("board=b") as lease:
            lab.controller.faults.add("Dial", caller="tester", delay=60.0)
            await cancelled(lambda: connect(lease))
            lab.controller.faults.clear()
            async with lease.connect_async() as client:
                await anyio.to_thread.run_sync(client.power.on)

    run(main)


def test_a_lease_that_comes_at_the_moment_of_the_cancellation(config: ClientConfigV1Alpha1, active: Active) -> None:
    async def main() -> None:
        for moment in range(12):
            with anyio.move_on_after(moment * 0.003):
                async with config.lease_async("board=b"):
                    await anyio.sleep(20)
            assert active() == []

    run(main)


# The threads themselves


def test_work_that_has_not_begun_is_withdrawn() -> None:
    done: list[str] = []

    async def main() -> None:
        task = asyncio.ensure_future(stoppable(lambda tick: done.append("stoppable")))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    run(main)
    assert done in ([], ["stoppable"])


def test_what_has_to_be_done_is_done_even_if_it_has_not_begun() -> None:
    done: list[str] = []

    async def main() -> None:
        task = asyncio.ensure_future(shielded(lambda: done.append("shielded")))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert done == ["shielded"]

    run(main)


def test_stopped_is_no_exception_that_somebody_handles() -> None:
    assert not issubclass(Stopped, Exception)


class Opened:
    """What a thread opens: the thread tells when it begins, and goes on when it may."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.closed = threading.Event(), threading.Event(), threading.Event()

    def start(self) -> Opened:
        self.begun.set()
        assert self.may_end.wait(30)
        return self

    def undo(self) -> None:
        assert not self.closed.is_set(), "closed twice"
        self.closed.set()


@pytest.mark.parametrize("moment", ["before it is open", "when it is open and not handed over yet"])
def test_what_is_opened_for_a_cancelled_coroutine_is_closed(moment: str) -> None:
    opened = Opened()
    handed_over = threading.Event()

    async def in_thread(work: Callable[[], Opened]) -> Opened:
        def run() -> Opened:
            result = work()
            handed_over.set()
            return result

        return await asyncio.to_thread(run)

    async def main() -> None:
        task = asyncio.ensure_future(opening(opened.start, Opened.undo, in_thread))
        while not opened.begun.is_set():
            await asyncio.sleep(0.001)
        if moment != "before it is open":
            opened.may_end.set()
            # The event loop stands still meanwhile, so that the coroutine does not get it before the cancellation.
            assert handed_over.wait(30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        opened.may_end.set()

    run(main)
    assert opened.closed.wait(30)


def test_what_is_opened_stays_open() -> None:
    opened = Opened()
    opened.may_end.set()

    async def main() -> Opened:
        return await opening(opened.start, Opened.undo, asyncio.to_thread)

    assert run(main) is opened
    assert not opened.closed.is_set()
