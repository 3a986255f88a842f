"""Threads for the blocking methods of drivers: each driver has its own, so that one that hangs stops no other.

Methods that switch power have threads in reserve: switching a board off and on is what gets a driver out of a hang.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from JumpstarterLibrary.exporter.streams import Signal
from JumpstarterLibrary.exporter.workers import Threads, WorkerPool, threads_of_anyio

Result = TypeVar("Result")

DRIVER_LIMIT = 32
"""Calls of one driver that block at the same time; as many again that switch its power."""

TOTAL_LIMIT = 256
"""Calls of all drivers that block at the same time, beside those that switch power."""

PATIENCE_S = 30.0
"""Seconds that a further call waits for one of them to end."""

POWER_METHODS = frozenset({"on", "off", "cycle", "rescue"})
"""The methods that switch power, of drivers that have ``on`` and ``off``."""


class DriverBusy(Exception):
    """A driver runs as many calls as it may, and none has ended in time."""


class _Bound:
    """A number of calls that may run at the same time.

    Args:
        what: What runs them, for messages.
        limit: How many.
    """

    def __init__(self, what: str, limit: int) -> None:
        self._what = what
        self._limit = limit
        self._running: dict[object, tuple[str, float]] = {}
        self._ended = Signal()

    async def enter(self, ticket: object, method: str, patience: float) -> None:
        """Count a call among those that run, as soon as there is room for it.

        Raises:
            DriverBusy: There was none within some seconds.
        """
        try:
            async with asyncio.timeout(patience):
                while len(self._running) >= self._limit:
                    await self._ended.wait()
        except TimeoutError:
            oldest, begin = min(self._running.values(), key=lambda call: call[1])
            raise DriverBusy(
                f"{self._what} runs {self._limit} calls, which is the most that it may; none has ended in "
                f"{patience:g} seconds, and the oldest, '{oldest}', runs for {time.monotonic() - begin:.0f} seconds. "
                "Wait for them, switch the board off and on, or start the exporter anew."
            ) from None
        self._running[ticket] = method, time.monotonic()

    def leave(self, ticket: object) -> None:
        """Count a call no more."""
        self._running.pop(ticket, None)
        self._ended.wake()


class DriverThreads:
    """The threads of a session's drivers.

    Args:
        names: How messages name the drivers, by their ids.
        patience: Seconds that a call waits while a driver runs as many as it may. Default: 30.
        limit: Calls of one driver that block at the same time. Default: 32.
        total: Those of all drivers. Default: 256.
    """

    def __init__(
        self,
        names: Mapping[UUID, str],
        patience: float = PATIENCE_S,
        limit: int = DRIVER_LIMIT,
        total: int = TOTAL_LIMIT,
    ) -> None:
        self._names = names
        self._patience = patience
        self._limit = limit
        self._workers = WorkerPool(limit=None)
        self._all = _Bound("This exporter", total)
        self._bounds: dict[tuple[UUID, bool], _Bound] = {}

    def of(self, driver: Any, method: str) -> Threads:
        """Return the threads for a call.

        Args:
            driver: The driver.
            method: The method that is called.
        """
        power = method in POWER_METHODS and all(callable(getattr(driver, name, None)) for name in ("on", "off"))
        key = (driver.uuid, power)
        if key not in self._bounds:
            name = self._names.get(driver.uuid, type(driver).__name__)
            self._bounds[key] = _Bound(f"The driver {name}", self._limit)
        bounds = [self._bounds[key]] if power else [self._bounds[key], self._all]
        return _CallThreads(threads_of_anyio(type(driver)) or self._workers, bounds, method, self._patience)

    def close(self) -> None:
        """End the idle threads now, and the busy ones when their functions return."""
        self._workers.close()


class _CallThreads:
    """The threads for one call. A function that is left by a cancelled caller counts until it ends."""

    def __init__(self, threads: Threads, bounds: list[_Bound], method: str, patience: float) -> None:
        self._threads = threads
        self._bounds = bounds
        self._method = method
        self._patience = patience

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function in a thread, with the caller's context variables.

        Raises:
            DriverBusy: The driver runs as many calls as it may, and none has ended in time.
        """
        job = _Job(function, arguments, self._leave)
        try:
            for bound in self._bounds:
                await bound.enter(job, self._method, self._patience)
            return await self._threads.run(job)
        except BaseException:
            if job.claim():
                self._leave(job)
            raise

    def _leave(self, job: _Job) -> None:
        for bound in self._bounds:
            bound.leave(job)


class _Job:
    """A function that begins in its thread, unless its caller has left before."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], ended: Callable[[_Job], None]) -> None:
        self._function = function
        self._arguments = arguments
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._unclaimed = [True]

    def claim(self) -> bool:
        """Return whether this is the first call: the function has neither begun nor been left by its caller."""
        # Taking from a list is one step, in any threads.
        try:
            return self._unclaimed.pop()
        except IndexError:
            return False

    def __call__(self) -> Any:
        if not self.claim():
            return None
        try:
            return self._function(*self._arguments)
        finally:
            # RuntimeError: the event loop is closed, and counts nothing any more.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ended, self)
