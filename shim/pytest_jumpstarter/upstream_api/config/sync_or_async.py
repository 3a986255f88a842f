"""Methods for coroutines and for plain code, over a core that blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def in_event_loop() -> bool:
    """Tell whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def run_blocking(work: Callable[[], Result]) -> Result:
    """Do work that blocks, where an event loop runs in a thread of its own."""
    return await asyncio.to_thread(work) if in_event_loop() else work()


def sync_or_async(method: Callable[Parameters, Coroutine[Any, Any, Result]]) -> Callable[Parameters, Any]:
    """Make a coroutine method one that may be called without an event loop, too, and then returns its result.

    Inside of an event loop it returns a coroutine, as upstream's does.
    """

    @wraps(method)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
        made = method(*args, **kwargs)
        return made if in_event_loop() else _run(made)

    return call


def _run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never waits, since all its work is done at once."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    coroutine.close()
    raise RuntimeError("A call that blocks has waited for an event loop.")
