"""Failures of an exporter as a client hears of them: of its hooks, with what they print, and of a lease's start."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.events import Event, LogRecord
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.leasing.controller import Controller
from JumpstarterLibrary.client.leasing.start_failure import StartFailure
from JumpstarterLibrary.errors import HookFailed, InfrastructureError

logger = logging.getLogger(__name__)

HOOK_LINES = 20
LAST_LINES_TITLE = " Its last lines were:"
"""What stands before the last lines of a hook, in a message and in the status of our exporters."""

LAST_LINES_S = 0.5

LOOK_S = 2.0
"""How long the controller may take to tell what an exporter says."""


@dataclass(frozen=True)
class HookFailure:
    """A hook that has failed, so that the exporter cannot be used.

    Attributes:
        when: ``before`` or ``after``: the lease.
        message: The exporter's words; empty if they are not known.
    """

    when: str
    message: str = ""

    @classmethod
    def of(cls, status: str, message: str) -> HookFailure | None:
        """Return the failure that an exporter's status tells of; None if it tells of none."""
        if status.endswith("HOOK_FAILED"):
            return cls("before" if status.startswith("BEFORE") else "after", message)
        # One that stops because its hook failed may have shown the failure itself for a moment only.
        if status == "OFFLINE" and "hook" in message.lower():
            return cls("after" if "afterlease" in message.lower() else "before", message)
        return None

    @classmethod
    def behind_release(cls, status: str, message: str) -> HookFailure | None:
        """Return the failure because of which an exporter has released a lease that was not ready; None if it has not.

        Its status tells so when that of the failure has gone. A lease that a client could not use yet is released by
        its exporter for no other reason.
        """
        if status == "AVAILABLE" and "after lease release" in message.lower():
            return cls("before", "the exporter released the lease before a client could use it")
        return None

    def error(self, exporter: str, lease: str, lines: str = "") -> HookFailed:
        """Return the error that tells of it.

        Args:
            exporter: The exporter's name.
            lease: The lease's name.
            lines: What the hook printed; see ``HookLog.told``.
        """
        sentence, shown = split_lines(self.message)
        said = f": {sentence}" if sentence else ""
        return HookFailed(
            f"Exporter '{exporter}' of lease '{lease}' cannot be used, because its hook {self.when} the lease "
            f"failed{said}.{lines or shown or ' Look at its log.'}"
        )


def split_lines(message: str) -> tuple[str, str]:
    """Return the sentence of a failed hook's status, without its full stop, and behind it the last lines that it shows.

    Args:
        message: The text of the status.
    """
    sentence, title, lines = message.partition(LAST_LINES_TITLE)
    return sentence.rstrip("."), title + lines


def failure_of(status: str, message: str, lease: str) -> HookFailure | StartFailure | None:
    """Return the failure that an exporter's status tells of: of a hook, or of the start of a lease; None without one.

    Args:
        status: The exporter's status.
        message: The text of the status.
        lease: The lease that the client has.
    """
    return StartFailure.of(status, message, lease) or HookFailure.of(status, message)


class HookLog:
    """Keeps the last lines that an exporter's hooks printed, and the failure that its status told of.

    Args:
        lease: The lease that the client has.

    Attributes:
        failure: The failure; None as long as there is no word of one.
        arrived: How many lines have come so far.
    """

    def __init__(self, lease: str = "") -> None:
        self.failure: HookFailure | StartFailure | None = None
        self._lease = lease
        self._lines: deque[str] = deque(maxlen=HOOK_LINES)
        self.arrived = 0

    def put(self, event: Event) -> None:
        """Take an event; only hook lines are kept."""
        if isinstance(event, LogRecord) and event.source.endswith("_HOOK"):
            self._lines.append(event.message)
            self.arrived += 1

    def note(self, status: str, message: str) -> None:
        """Take note of a status of the exporter; a failure is kept, even if another status follows."""
        self.failure = failure_of(status, message, self._lease) or self.failure

    def forget(self) -> None:
        """Forget all of the hook before the lease, when the one after it begins."""
        self._lines.clear()
        self.failure = None

    def told(self) -> str:
        """Return what was printed, as the end of a message; the last lines may still be on their way."""
        end, known = Deadline(LAST_LINES_S), -1
        while known != self.arrived and not end.expired:
            known = self.arrived
            pause(LAST_LINES_S / 5)
        if not self._lines:
            return ""
        return f"{LAST_LINES_TITLE}\n" + "\n".join(f"  {line}" for line in self._lines)


def shown_failure(
    controller: Controller, exporter: str, lease: str, *, released: bool
) -> HookFailure | StartFailure | None:
    """Ask the controller for the failure of an exporter that was not ready yet; None if there is no sign of one.

    An exporter shows for a second that its hook has failed, and releases the lease then.

    Args:
        controller: The controller.
        exporter: The exporter's name.
        lease: The lease's name.
        released: Whether the lease was released, and not by this run.
    """
    try:
        found = controller.exporter(exporter, LOOK_S)
    except InfrastructureError as error:
        logger.debug("the controller does not tell how exporter %s is: %s", exporter, error)
        return None
    failure = failure_of(found.status, found.message, lease)
    if failure is None and released:
        return HookFailure.behind_release(found.status, found.message)
    return failure
