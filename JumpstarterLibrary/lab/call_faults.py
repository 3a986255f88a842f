"""Faults of driver calls: a call takes long, fails, or answers too much."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

from JumpstarterLibrary.lab.clock import Clock

ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        NotImplementedError,
        ValueError,
        TimeoutError,
        ConnectionError,
        ConnectionResetError,
        OSError,
        PermissionError,
        FileNotFoundError,
        RuntimeError,
        KeyError,
        Exception,
    )
}
"""What a driver can be made to raise, by name. Each maps to a status of its own, the last three to the same."""


@dataclass(kw_only=True, eq=False)
class CallFault:
    """A fault of some calls.

    Attributes:
        clock: Whose seconds ``delay`` are.
        driver: Which drivers: a path with ``*`` for any text.
        method: Which methods, likewise.
        delay: Lab seconds that the calls take longer.
        error: What they raise; None to do what they are meant to.
        text: The error's text.
        size: Bytes of the text that they answer instead of what they would; 0 leaves the answer as it is.
        times: How many calls it still meets; None for all.
    """

    clock: Clock
    driver: str = "*"
    method: str = "*"
    delay: float = 0.0
    error: type[Exception] | None = None
    text: str = ""
    size: int = 0
    times: int | None = None
    _lifted: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _lifted_for_threads: threading.Event = field(init=False, default_factory=threading.Event)

    @property
    def left(self) -> bool:
        """Whether it still meets calls."""
        return self.times != 0

    def count(self) -> None:
        """Note that it meets a call."""
        if self.times is not None:
            self.times -= 1

    def lift(self) -> None:
        """Let calls that it holds back go on."""
        self._lifted.set()
        self._lifted_for_threads.set()

    async def meet(self) -> None:
        """Hold a call back, and raise what there is to raise."""
        if self.delay:
            await _any_of(self.clock.sleep(self.delay), self._lifted.wait())
        self._fail()

    def meet_blocking(self) -> None:
        """Hold a call back in a thread, and raise what there is to raise. A clock's jump does not shorten the wait."""
        if self.delay:
            self._lifted_for_threads.wait(min(self.clock.real(self.delay), threading.TIMEOUT_MAX))
        self._fail()

    def answer(self, answer: Any) -> Any:
        """Return what a call answers."""
        return "x" * self.size if self.size else answer

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error(self.text)


async def _any_of(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
