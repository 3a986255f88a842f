"""Work that blocks, for coroutines: it is done in threads, and stops where it is cancelled."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, TypeVar

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.errors import UsageError

Result = TypeVar("Result")
Tick = Callable[[], None]

PATIENCE_S = 60.0
"""How long work that is not wanted any more may take to end. What a lease does, takes 10 seconds at most."""


class Stopped(BaseException):
    """The coroutine that waits for some work was cancelled."""


def need_anyio() -> Any:
    """Return anyio.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import anyio
        import anyio.lowlevel
        import anyio.to_thread
    except ImportError as error:
        raise UsageError(
            "The methods of leases for coroutines need anyio, which is not installed. Install "
            "robotframework-jumpstarter[upstream], or use those without _async."
        ) from error
    return anyio


async def stoppable(work: Callable[[Tick], Result]) -> Result:
    """Do some work in a thread. If that is cancelled, the work is told so, and waited for until it has ended.

    Args:
        work: Gets a function that it calls several times a second, and that raises once the work is not wanted any
            more; what it has begun, it takes back then.
    """
    anyio = need_anyio()
    unwanted = threading.Event()

    def tick() -> None:
        if unwanted.is_set():
            raise Stopped

    async def watch() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            unwanted.set()

    job = _Job(lambda: work(tick))
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await _in_thread(job.run)
            group.cancel_scope.cancel()
    finally:
        await _ended(job)
    if job.stopped:
        # Here the cancellation goes on.
        await anyio.lowlevel.checkpoint()
    result: Result = job.result()
    return result


async def shielded(work: Callable[[], Result]) -> Result:
    """Do some work in a thread, and wait for its end even if cancelled meanwhile."""
    anyio = need_anyio()
    job = _Job(work)
    try:
        with anyio.CancelScope(shield=True):
            await _in_thread(job.run)
    finally:
        # asyncio's own cancellation knows no shield, and may come before the work has even begun.
        if job.withdraw():
            job.run_anyway()
        await _ended(job)
    result: Result = job.result()
    return result


@asynccontextmanager
async def entered(make: Callable[[Tick], AbstractContextManager[Result]]) -> AsyncIterator[Result]:
    """Enter a context manager that blocks, in a thread, and leave it likewise.

    Args:
        make: Returns it; gets what ``stoppable`` gives its work.
    """
    contexts: list[AbstractContextManager[Result]] = []

    def enter(tick: Tick) -> Result:
        contexts.append(context := make(tick))
        return context.__enter__()

    def leave() -> None:
        for context in contexts:
            context.__exit__(None, None, None)

    try:
        yield await stoppable(enter)
    finally:
        # It may have been entered when this was cancelled.
        await shielded(leave)


async def opening(
    start: Callable[[], Result],
    undo: Callable[[Result], object],
    in_thread: Callable[[Callable[[], Result]], Awaitable[Result]],
) -> Result:
    """Open something in a thread, at once given up if that is cancelled; what is opened all the same is closed again.

    Args:
        start: Opens it.
        undo: Closes it, in a thread.
        in_thread: Runs a function in a thread; if that is cancelled, the function goes on there unheeded.
    """
    lock = threading.Lock()
    opened: list[Result] = []
    unwanted = False

    def run() -> Result:
        result = start()
        with lock:
            opened.append(result)
            late = unwanted
        if late:
            undo(result)
        return result

    try:
        return await in_thread(run)
    except BaseException:
        with lock:
            unwanted = True
            lost = list(opened)
        for result in lost:
            # Opened, but the cancellation came before the coroutine had it.
            threading.Thread(target=undo, args=(result,), name="jumpstarter-closing", daemon=True).start()
        raise


async def _in_thread(work: Callable[[], object]) -> None:
    anyio = need_anyio()
    # Not with all others: those that wait for a lease must not keep another thread from releasing one.
    await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))


async def _ended(job: _Job) -> None:
    """Return when some work has ended, or will never begin."""
    anyio = need_anyio()
    patience = Deadline(PATIENCE_S)
    while not (job.withdraw() or job.over or patience.expired):
        try:
            with anyio.CancelScope(shield=True):
                await _in_thread(lambda: job.wait(patience))
        except anyio.get_cancelled_exc_class():
            # asyncio's own cancellation, again; the first one goes on when the work has ended.
            continue


class _Job:
    """Some work that is done once, in any thread; its result or error is kept.

    Args:
        work: The work.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._claim = threading.Lock()
        self._done = threading.Event()
        self._withdrawn = False
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work, unless another thread does or it was withdrawn."""
        if self._claim.acquire(blocking=False):
            self._run()

    def withdraw(self) -> bool:
        """Return whether the work has not begun; then it will not."""
        self._withdrawn = self._withdrawn or self._claim.acquire(blocking=False)
        return self._withdrawn

    def run_anyway(self) -> None:
        """Do work that was withdrawn, in a thread of its own."""
        self._withdrawn = False
        threading.Thread(target=self._run, name="jumpstarter-leaving", daemon=True).start()

    def _run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:  # noqa: BLE001 - raised by result
            self._error = error
        finally:
            self._done.set()

    def wait(self, patience: Deadline) -> None:
        """Return when the work is done, or patience has ended."""
        clock.wait(self._done, patience.remaining)

    @property
    def over(self) -> bool:
        """Whether the work is done."""
        return self._done.is_set()

    @property
    def stopped(self) -> bool:
        """Whether the work has ended because it was not wanted any more."""
        return isinstance(self._error, Stopped)

    def result(self) -> Any:
        """Return what the work has returned, or raise what it has raised."""
        if self._error is not None:
            raise self._error
        return self._value
