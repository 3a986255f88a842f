"""What an exception out of a signal handler leaves behind in gRPC, and how it is put in order.

Timeouts of Robot Framework and pytest-timeout, and Ctrl-C, raise in the main thread wherever it is. Where gRPC waits,
it leaves its call in order and cancels it. Where it holds a lock of its channel, the lock stays taken for ever, and
every later call of the device hangs: in a loop of short calls, one interruption in twelve hits such a moment.
"""

from __future__ import annotations

import threading
import traceback
from types import TracebackType
from typing import Any

# gRPC's locks are conditions. Their doors are Python code, the first at which a signal handler can run.
_DOORS = (threading.Condition.__enter__.__code__, threading.Condition.__exit__.__code__)


class _Interruptible:
    """A context manager that gives back the locks that an interruption inside it has left taken."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for frame, _ in traceback.walk_tb(trace):
            if frame.f_code in _DOORS:
                condition: Any = frame.f_locals["self"]
                if condition._is_owned():
                    condition.release()


interruptible = _Interruptible()
"""Put it around whatever enters gRPC in a thread that signal handlers may interrupt."""
