"""SIGTERM and SIGHUP while leases are held: the process ends in order, and not at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, Self

FATAL = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # not everywhere
)
"""The signals that end a process at once, unless it handles them, and that people and CI systems send."""

Stop = Callable[[int, FrameType | None], object]


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End the process with what a shell shows for a signal."""
    raise SystemExit(128 + number)


class Termination:
    """Handler of the signals that have no other, from ``guard`` to ``restore``; also as a context manager.

    Where SIGTERM has a handler, SIGHUP does the same. A signal that is handled or ignored stays so, and so does every
    signal where it is not called in the main thread.

    Args:
        stop: What to do with a signal; raises what ends the run. Default: raise ``SystemExit``.
    """

    def __init__(self, stop: Stop = leave) -> None:
        self._stop = stop

    def guard(self) -> None:
        """Handle the signals that have no handler now. Repeated, it takes those that have lost theirs meanwhile."""
        if threading.current_thread() is threading.main_thread():
            for number in FATAL:
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, self._handle)

    def restore(self) -> None:
        """Restore the default handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in FATAL:
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, signal.SIG_DFL)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        other: Any = signal.getsignal(signal.SIGTERM)
        if callable(other) and other != self._handle:
            other(number, frame)
        else:
            self._stop(number, frame)

    def __enter__(self) -> Self:
        self.guard()
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()
