"""Work that has to be done even while the process is being told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

from JumpstarterLibrary.client.deadline import Deadline

LAST_WORDS_S = 0.5
"""What work may take beyond its deadline, to say what went wrong."""


def shielded(work: Callable[[], str | None], deadline: Deadline) -> str | None:
    """Do some work in a daemon thread, and wait for it until the deadline, whatever signals arrive meanwhile.

    An interruption (Ctrl-C, SIGTERM, a test's timeout) is raised when the work is done, however often it is repeated.

    Args:
        work: Returns what went wrong, or None. It has to end by the deadline on its own.
        deadline: When to wait no longer.

    Returns:
        What ``work`` returned, or that it did not end in time.
    """
    done: list[str | None] = []
    finished = threading.Event()

    def run() -> None:
        try:
            done.append(work())
        finally:
            finished.set()

    threading.Thread(target=run, name="jumpstarter-shielded", daemon=True).start()
    interruption: BaseException | None = None
    patience = Deadline(deadline.at_most(60.0) + LAST_WORDS_S)
    while not finished.is_set() and not patience.expired:
        try:
            finished.wait(patience.remaining)
        except BaseException as error:  # noqa: BLE001 - kept, and raised below
            interruption = interruption or error
    if interruption is not None:
        raise interruption
    return done[0] if done else "the controller did not answer in time."
