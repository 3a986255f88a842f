from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from JumpstarterLibrary.exporter.threaded import ThreadedIterator
from JumpstarterLibrary.exporter.workers import Workers


def test_runs_in_a_daemon_thread_with_the_callers_context() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    def function(argument: int) -> tuple[int, bool, str]:
        return argument, threading.current_thread().daemon, variable.get()

    async def scenario() -> None:
        workers = Workers()
        variable.set("set")
        assert await workers.run(function, 7) == (7, True, "set")
        workers.close()

    asyncio.run(scenario())


def test_reuses_threads_and_ends_them() -> None:
    async def scenario() -> set[threading.Thread]:
        workers = Workers()
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
        workers = Workers(limit=1)
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
        workers = Workers()
        try:
            with pytest.raises(expected):
                await workers.run(function)
        finally:
            workers.close()

    asyncio.run(scenario())


def test_a_cancelled_caller_leaves_and_the_thread_is_used_again() -> None:
    async def scenario() -> None:
        workers = Workers(limit=1)
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
        workers = Workers()
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


def test_a_threaded_iterator_that_computes_is_closed_when_it_yields() -> None:
    gate, closed = threading.Event(), threading.Event()

    def items() -> object:
        try:
            gate.wait(10)
            yield 1
        finally:
            closed.set()

    async def scenario() -> None:
        workers = Workers()
        iterator: ThreadedIterator[object] = ThreadedIterator(workers, items())  # type: ignore[arg-type]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(iterator), 0.02)
        await iterator.aclose()
        assert not closed.is_set()
        gate.set()
        assert await asyncio.to_thread(closed.wait, 5)
        workers.close()

    asyncio.run(scenario())
