"""What an exception out of a signal handler leaves behind in gRPC and in locks, and how it is put in order.

Timeouts of Robot Framework and pytest-timeout, and Ctrl-C, raise in the main thread wherever it is. Where gRPC waits,
it leaves its call in order and cancels it. Where it holds a lock of its channel, the lock stays taken for ever, and
every later call of the device hangs: in a loop of short calls, one interruption in twelve hits such a moment. Where it
starts a call, the call goes on unseen, perhaps without the thread that would end it. Where it reads an answer, it takes
any exception for an answer that cannot be read, so that a timeout or a signal is lost together with the answer.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from JumpstarterLibrary.client import clock

# gRPC's locks are conditions. Their doors are Python code, the first at which a signal handler can run.
_DOORS = (threading.Condition.__enter__.__code__, threading.Condition.__exit__.__code__)

_MANAGERS = tuple(getattr(contextlib._GeneratorContextManager, name).__code__ for name in ("__enter__", "__exit__"))

_ALREADY_FREE = ("release unlocked lock", "cannot release un-acquired lock")
"""What Python says when an interruption hits a condition between letting go of its lock and waiting for it."""


_MESSAGES = "grpc._common"
"""The logger of what gRPC says of messages that it cannot read or write."""

_NO_HANDLERS = ("grpc", "google", "JumpstarterLibrary")
"""Packages whose exceptions are about the messages themselves; signal handlers are elsewhere."""


class _Lost(logging.Filter):
    """Keeps what gRPC only logs of an interruption: Robot Framework's are ``Exception``s like any other.

    Attributes:
        interruption: The last one.
    """

    interruption: BaseException | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep an interruption, which is then not logged."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or threading.current_thread() is not threading.main_thread() or not _from_a_handler(error):
            return True
        self.interruption = error
        return False


def _from_a_handler(error: BaseException) -> bool:
    """Whether an exception was raised by something that has nothing to do with messages."""
    raised_in = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        raised_in = str(frame.f_globals.get("__name__"))
    return raised_in.partition(".")[0] not in _NO_HANDLERS


_lost = _Lost()
logging.getLogger(_MESSAGES).addFilter(_lost)


class _Interruptible:
    """A context manager that gives back the locks that an interruption inside it has left taken.

    An interruption that Python has turned into an error of a lock, or gRPC into one of a message, is raised as itself.
    """

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            _lost.interruption = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for frame, _ in traceback.walk_tb(trace):
            if frame.f_code in _DOORS:
                condition: Any = frame.f_locals["self"]
                if condition._is_owned():
                    condition.release()
            elif frame.f_code in _MANAGERS:
                # What a generator holds, such as a lock of gRPC's statistics, it holds as long as this traceback lives.
                frame.f_locals["self"].gen.close()
        if isinstance(error, RuntimeError) and str(error) in _ALREADY_FREE and error.__context__ is not None:
            raise error.__context__
        if _lost.interruption is not None and threading.current_thread() is threading.main_thread():
            lost, _lost.interruption = _lost.interruption, None
            raise lost


interruptible = _Interruptible()
"""Put it around code that enters gRPC, or waits for a condition, in a thread that signal handlers may interrupt."""


def wait(waitable: clock.Waitable, limit_s: float | None) -> bool:
    """Wait for a condition or an event where signal handlers may interrupt; see ``Clock.wait``."""
    with interruptible:
        return clock.wait(waitable, limit_s)


def pause(seconds: float) -> None:
    """Wait for a while, unless an exception out of a signal handler ends it."""
    with interruptible:
        clock.pause(seconds)


def started(start: Callable[[], Any]) -> Any:
    """Start a gRPC call where no signal handler can interrupt that: outside of the main thread.

    Args:
        start: Starts a call that goes on by itself, a stream or a future, and returns it.

    Returns:
        The call. If this is interrupted, the call is cancelled as soon as it has begun.
    """
    if threading.current_thread() is not threading.main_thread():
        return start()
    beginning = _Beginning(start)
    try:
        with interruptible:
            beginning.thread.start()
            beginning.thread.join()
    except BaseException:
        beginning.give_up()
        raise
    if beginning.error is not None:
        raise beginning.error
    return beginning.call


def watch_end(call: Any) -> threading.Event:
    """Return an event that is set when a gRPC call ends, to wait for it by the client's clock.

    gRPC counts the time limit of a call in real time.
    """
    ended = threading.Event()
    with interruptible:
        call.add_done_callback(lambda _: ended.set())
    return ended


class _Beginning:
    """A call that is being started by a thread."""

    def __init__(self, start: Callable[[], Any]) -> None:
        self.call: Any = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="jumpstarter-start", daemon=True)
        self._start = start
        self._lock = threading.Lock()
        self._unwanted = False

    def give_up(self) -> None:
        """Cancel the call, now or when it has begun."""
        with self._lock:
            self._unwanted = True
            call = self.call
        if call is not None:
            call.cancel()

    def _run(self) -> None:
        try:
            call = self._start()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for it
            self.error = error
            return
        with self._lock:
            self.call = call
            unwanted = self._unwanted
        if unwanted:
            call.cancel()
