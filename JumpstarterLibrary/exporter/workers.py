"""Threads for code that blocks: driver methods that are plain functions, decoding, HTTP."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")

_Jobs = queue.SimpleQueue[Callable[[], None] | None]


class Threads(Protocol):
    """Runs functions in threads."""

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function in a thread, with the caller's context variables."""


class AnyioThreads:
    """Runs functions in threads of anyio's, in which ``anyio.from_thread`` leads back to the event loop."""

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function in a thread. A caller that is cancelled leaves at once; the function runs on to its end."""
        anyio: Any = importlib.import_module("anyio")
        # A limiter of its own: anyio's usual one is shared by all drivers, and those that hang would use it up.
        result: Result = await anyio.to_thread.run_sync(
            function, *arguments, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
        )
        return result


def threads_of_anyio(kind: type) -> Threads | None:
    """Return anyio's threads, if the code of a class imports anyio; None for all other classes.

    Args:
        kind: The class whose methods are to run.
    """
    if "anyio" not in sys.modules:
        return None
    modules = (vars(sys.modules.get(base.__module__, sys)) for base in kind.__mro__)
    return AnyioThreads() if any("anyio" in names or "from_thread" in names for names in modules) else None


class WorkerPool:
    """A pool of daemon threads, so that a driver method that never returns cannot keep the process alive.

    Threads start as they are needed and are reused until ``close``. Jobs beyond the limit wait for a free one.

    Args:
        limit: Threads at most; None where the caller bounds them.
        name: What the threads are for.
    """

    def __init__(self, limit: int | None = 64, name: str = "driver") -> None:
        self._name = name
        self._slots = asyncio.Semaphore(sys.maxsize if limit is None else limit)
        self._idle: list[_Jobs] = []
        self._all: list[_Jobs] = []
        self._closed = False

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function in a thread, with the caller's context variables.

        A caller that is cancelled leaves at once; the function runs on to its end.

        Raises:
            RuntimeError: The pool is closed; or the function raised StopIteration, which cannot leave a coroutine.
        """
        await self._slots.acquire()
        loop = asyncio.get_running_loop()
        try:
            if self._closed:
                raise RuntimeError("the exporter's session is closed")
            jobs = self._idle.pop() if self._idle else self._start()
        except BaseException:
            self._slots.release()
            raise
        answer: asyncio.Future[Result] = loop.create_future()
        context = contextvars.copy_context()

        def job() -> None:
            result, error = None, None
            try:
                result = context.run(function, *arguments)
            except BaseException as raised:  # noqa: BLE001 - handed over to the caller
                error = raised
            try:
                loop.call_soon_threadsafe(self._done, jobs, answer, result, error)
            except RuntimeError:
                # The event loop is closed: no caller waits for the answer any more.
                return

        jobs.put(job)
        return await answer

    def _done(
        self,
        jobs: _Jobs,
        answer: asyncio.Future[Any],
        result: Any,
        error: BaseException | None,
    ) -> None:
        self._slots.release()
        self._idle.append(jobs)
        if answer.done():
            return
        match error:
            case None:
                answer.set_result(result)
            case StopIteration():
                answer.set_exception(RuntimeError("the function raised StopIteration"))
            case _:
                answer.set_exception(error)

    def _start(self) -> _Jobs:
        jobs: _Jobs = queue.SimpleQueue()

        def work() -> None:
            while (job := jobs.get()) is not None:
                job()

        self._all.append(jobs)
        threading.Thread(target=work, name=f"exporter-{self._name}", daemon=True).start()
        return jobs

    def close(self) -> None:
        """End the idle threads now, and the busy ones when their functions return."""
        self._closed = True
        for jobs in self._all:
            jobs.put(None)
        self._all.clear()
        self._idle.clear()
