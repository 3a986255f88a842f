from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from JumpstarterLibrary.exporter.threaded import ThreadedIterator
from JumpstarterLibrary.exporter.workers import WorkerPool


def test_runs_in_a_daemon_thread_with_the_callers_context() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    def function(argument: int) -> tuple[int, bool, str]:
        return argument, threading.current_thread().daemon, variable.get()

    async def scenario() -> None:
        workers = WorkerPool()
        variable.set("set")
        assert await workers.run(function, 7) == (7, True, "set")
        workers.close()

    asyncio.run(scenario())


def test_reuses_threads_and_ends_them() -> None:
    async def scenario() -> set[threading.Thread]:
        workers = WorkerPool()
        threads = {await workers.run(threading.current_thread) for _ in range(10)}
        workers.close()
        return threads

    threads = asyncio.run(scenario())
    assert len(threads) == 1
    (thread,) = threads
    thread.join(5)
    assert not thread.is_alive()


def test_waits_for_a_free_thread_at_its_limit() -> None:
    async def scenario() -> None:
        workers = WorkerPool(limit=1)
        gate = threading.Event()
        blocked = asyncio.create_task(workers.run(gate.wait, 10))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(workers.run(threading.get_ident))
        done, _ = await asyncio.wait({waiting}, timeout=0.02)
        assert not done
        gate.set()
        assert await blocked is True
        assert await waiting
        workers.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(KeyError("k"), KeyError), (SystemExit(3), SystemExit), (StopIteration(), RuntimeError)],
)
def test_hands_over_what_the_function_raises(raised: BaseException, expected: type[BaseException]) -> None:
    def function() -> None:
        raise raised

    async def scenario() -> None:
        workers = WorkerPool()
        try:
            with pytest.raises(expected):
                await workers.run(function)
        finally:
            workers.close()

    asyncio.run(scenario())


def test_a_cancelled_caller_leaves_and_the_thread_is_used_again() -> None:
    async def scenario() -> None:
        workers = WorkerPool(limit=1)
        gate = threading.Event()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(workers.run(gate.wait, 10), 0.01)
        gate.set()
        assert await workers.run(str, 5) == "5"
        workers.close()
        with pytest.raises(RuntimeError, match=r"^the exporter's session is closed$"):
            await workers.run(str, 5)

    asyncio.run(scenario())


def test_a_threaded_iterator_yields_raises_and_closes() -> None:
    events: list[object] = []

    def items() -> object:
        try:
            yield 1
            yield threading.current_thread().daemon
            yield 3
        finally:
            events.append("closed")

    def failing() -> object:
        yield 1
        raise KeyError("broken")

    async def scenario() -> None:
        workers = WorkerPool()
        iterator: ThreadedIterator[object] = ThreadedIterator(workers, items())  # type: ignore[arg-type]
        assert [await anext(iterator), await anext(iterator)] == [1, True]
        assert events == []
        await iterator.aclose()
        assert events == ["closed"]
        bad: ThreadedIterator[object] = ThreadedIterator(workers, failing())  # type: ignore[arg-type]
        assert await anext(bad) == 1
        with pytest.raises(KeyError):
            await anext(bad)
        assert [item async for item in ThreadedIterator(workers, [4, 5])] == [4, 5]
        workers.close()

    asyncio.run(scenario())


class Item:
    """The generator of one item, which is computed until the test lets go.

    Attributes:
        begun: Set when it is being computed.
        gate: What it waits for.
        closed: Set when the generator has ended.
    """

    def __init__(self) -> None:
        self.begun, self.gate, self.closed = threading.Event(), threading.Event(), threading.Event()

    def items(self) -> Iterator[int]:
        try:
            self.begun.set()
            assert self.gate.wait(10)
            yield 1
        finally:
            self.closed.set()


def test_a_threaded_iterator_that_computes_is_closed_when_it_yields() -> None:
    item = Item()

    async def scenario() -> None:
        workers = WorkerPool()
        iterator = ThreadedIterator(workers, item.items())
        asking = asyncio.ensure_future(anext(iterator))
        assert await asyncio.to_thread(item.begun.wait, 5)
        asking.cancel()
        await iterator.aclose()
        assert not item.closed.is_set()
        item.gate.set()
        assert await asyncio.to_thread(item.closed.wait, 5)
        workers.close()

    asyncio.run(scenario())


def test_a_threaded_iterator_that_is_closed_before_its_thread_has_begun_computes_nothing() -> None:
    item = Item()

    class Late:
        """Threads that do what they are told first when they are told something else."""

        def __init__(self) -> None:
            self._first: Callable[..., Any] | None = None

        async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
            if self._first is None:
                self._first = function
                return await asyncio.Event().wait()
            thread = threading.Thread(target=self._first, daemon=True)
            thread.start()
            while thread.is_alive() and not item.begun.is_set():
                await asyncio.sleep(0.002)
            return await asyncio.to_thread(function, *arguments)

    async def scenario() -> None:
        iterator = ThreadedIterator(Late(), item.items())
        asking = asyncio.ensure_future(anext(iterator))
        await asyncio.sleep(0)
        asking.cancel()
        closing = asyncio.ensure_future(iterator.aclose())
        done, _ = await asyncio.wait([closing], timeout=5)
        item.gate.set()
        assert done == {closing}
        assert not item.begun.is_set()

    asyncio.run(scenario())
