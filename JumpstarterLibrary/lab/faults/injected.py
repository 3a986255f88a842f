"""A fault that was injected: it begins, lasts, and can be cleared."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, Self

from JumpstarterLibrary.errors import OperationTimeout
from JumpstarterLibrary.exporter.hosting import LoopThread
from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.faults.table import Fault

LIMIT_S = 30.0
"""Real seconds in which a fault has to begin, or to be undone."""

_log = logging.getLogger(__name__)


class InjectedFault:
    """A fault of a running lab. Its methods may be used from any thread but the lab's.

    As a context manager it is cleared at the end of the block.

    Args:
        fault: Which.
        options: All its options, read.
        parts: The lab.
        thread: The lab's loop.

    Attributes:
        fault: As given.
        options: As given.
    """

    def __init__(self, fault: Fault, options: dict[str, Any], parts: LabComponents, thread: LoopThread) -> None:
        self.fault = fault
        self.options = options
        self._parts = parts
        self._thread = thread
        self._cleared = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        self._begun: Future[None] = Future()
        self._due = parts.clock.seconds() + options["after"]
        self._over = thread.start(self._run())

    def __repr__(self) -> str:
        return f"<fault {self.fault}>"

    @property
    def active(self) -> bool:
        """Whether it has begun and is not over."""
        return self._begun.done() and not self._over.done()

    @property
    def over(self) -> bool:
        """Whether it has happened, or was undone."""
        return self._over.done()

    def wait_begun(self) -> None:
        """Wait until it has begun, unless it is to begin later.

        Raises:
            JumpstarterError: It cannot begin, for example since there is no exporter of a name.
            OperationTimeout: It takes too long.
        """
        if not self.options["after"]:
            self._result(self._begun)

    def wait(self, timeout: float = LIMIT_S) -> None:
        """Wait until it is over.

        Args:
            timeout: Real seconds.

        Raises:
            JumpstarterError: It could not begin, or not be undone.
            OperationTimeout: It is not over yet.
        """
        self._result(self._over, timeout)

    def clear(self) -> None:
        """Undo it, or let it not begin, and wait until that is done. Clearing twice is fine.

        Raises:
            JumpstarterError: It could not begin, or not be undone.
            OperationTimeout: It takes too long.
        """
        if not self._over.done():
            self._thread.call(self._cleared.set)
        self._result(self._over)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Undo it."""
        self.clear()

    async def abandon(self) -> None:
        """Forget it, since the whole lab ends, and wait until what it holds is closed. On the lab's loop."""
        self._over.cancel()
        if self._task is not None:
            await asyncio.wait({self._task})

    def _result(self, future: Future[None], timeout: float = LIMIT_S) -> None:
        try:
            future.result(timeout)
        except CancelledError:
            # The whole lab has ended, and with it every fault.
            return
        except TimeoutError as error:
            if future.done():
                raise
            raise OperationTimeout(f"The fault {str(self.fault)!r} took longer than {timeout:g} seconds.") from error

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        options = dict(self.options)
        after, lasts = options.pop("after"), options.pop("for", None)
        end = None if lasts is None else self._due + lasts
        try:
            if not await self._cleared_before(self._due):
                async with self.fault.act(self._parts, **options):
                    _log.info("Fault: %s", self.fault)
                    self._begun.set_result(None)
                    if self.fault.lasting:
                        await self._cleared_before(end)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if not self._begun.done():
                self._begun.set_exception(error)
            if after:
                # No caller waits for the fault to begin any more.
                _log.error("The fault %s failed: %s", self.fault, error)
            raise
        finally:
            if not self._begun.done():
                self._begun.set_result(None)

    async def _cleared_before(self, second: float | None) -> bool:
        """Wait for a lab second, or without a limit; return True as soon as it is cleared."""
        clock = self._parts.clock
        if second is not None and second <= clock.seconds():
            return self._cleared.is_set()
        cleared = asyncio.ensure_future(self._cleared.wait())
        waits: set[asyncio.Future[Any]] = {cleared}
        if second is not None:
            # By the second, not by the time until then: the clock may be moved before the task begins.
            waits.add(asyncio.ensure_future(clock.sleep_until(second)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self._cleared.is_set()
