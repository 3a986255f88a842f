"""Run a task to its end although the process is told to stop meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.interrupts import interruptible

LAST_WORDS_S = 0.5
"""What work may take beyond its deadline, to say what went wrong."""

LONGEST_S = 60.0


class UninterruptibleTask:
    """A task that runs once, in a daemon thread; any thread may wait for it.

    An interruption (Ctrl-C, SIGTERM, a test's timeout) is raised when the work is done, however often it is repeated.
    One that still gets through, between two steps of a wait, leaves the work running: the next wait, at the exit of
    the interpreter at the latest, waits for the same work.

    Args:
        work: Returns what went wrong, or None. It has to end by the deadline on its own.
        deadline: When to wait no longer.

    Attributes:
        failure: What the work returned; until it is over, that it did not end in time.
    """

    def __init__(self, work: Callable[[], str | None], deadline: Deadline) -> None:
        self._work = work
        self._patience = Deadline(deadline.at_most(LONGEST_S) + LAST_WORDS_S)
        self.failure: str | None = "the controller did not answer in time."
        self._claim = threading.Lock()
        self._begun = False
        self._finished = threading.Event()

    @property
    def over(self) -> bool:
        """Whether the work is done, or waited for no longer."""
        return self._finished.is_set() or self._patience.expired

    def wait(self) -> str | None:
        """Return what the work returned, or that it did not end in time; begin it unless it has begun."""
        interruption: BaseException | None = None
        while not self.over:
            try:
                if not self._begun:
                    # An interruption may come when the thread runs, and before that is known.
                    threading.Thread(target=self._run, name="jumpstarter-shielded", daemon=True).start()
                    self._begun = True
                with interruptible:
                    clock.wait(self._finished, self._patience.remaining)
            except RuntimeError:
                # Some releases of Python start no threads any more when the interpreter exits.
                self._run()
            except BaseException as error:  # noqa: BLE001 - kept, and raised below
                interruption = interruption or error
        if interruption is not None:
            raise interruption
        return self.failure

    def _run(self) -> None:
        """Do the work, unless that has begun already."""
        if not self._claim.acquire(blocking=False):
            return
        try:
            self.failure = self._work()
        finally:
            self._finished.set()


def shielded(work: Callable[[], str | None], deadline: Deadline) -> str | None:
    """Run a task in a daemon thread, and wait for it until the deadline, even if signals arrive meanwhile.

    Args:
        work: Returns what went wrong, or None. It has to end by the deadline on its own.
        deadline: When to wait no longer.

    Returns:
        What ``work`` returned, or that it did not end in time.
    """
    return UninterruptibleTask(work, deadline).wait()
