"""Waiting for something to become true."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def eventually(fn: Callable[[], Result], *, timeout: float = 5, interval: float = 0.05) -> Result:
    """Call a function until it raises nothing, and return its result.

    Args:
        fn: What to call, for example a lambda around an assertion. Any exception of it means "not yet".
        timeout: Seconds after which its last exception is raised. Default: 5 seconds.
        interval: Seconds between two calls. Default: 50 milliseconds.
    """
    # Not above: pytest loads this module in each run, and the client only where a run has boards.
    from JumpstarterLibrary.client.deadline import Deadline
    from JumpstarterLibrary.client.interrupts import pause

    deadline = Deadline(timeout)
    while True:
        try:
            return fn()
        except Exception:
            if deadline.expired:
                raise
        pause(deadline.at_most(interval))
