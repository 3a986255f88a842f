"""Decide how long a lost exporter is dialled again: long the first time, briefly after that has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.errors import (
    AuthenticationError,
    FaultClass,
    HookFailed,
    InfrastructureError,
    LeaseError,
    OperationTimeout,
)
from JumpstarterLibrary.hints import Hint

PROBE_S = 1.0
"""How long it is looked for once that was in vain: long enough to find one that is back."""

SLOW_PROBE_S = 5.0
"""The same, where the way is slow: twice what its first connection took, and no more than this."""

TELL_S = 2.0
"""Seconds of a reconnect after which the wait is reported; most tunnels are back before."""

_FINAL = (LeaseError, HookFailed, AuthenticationError)
"""What says by itself that there is no use in looking on."""


class ReconnectPolicy:
    """How long and how often a lost exporter is dialled again. Use it in one thread at a time.

    A run has many tests. If each of them waited as long as the first one, until it said that controller and router are
    gone, a night would not be enough. A controller that answers again is worth a long wait again.

    Args:
        which: The exporter and its lease, for messages.
        events: Where lines about the wait go.
        answers: Returns whether the controller answers within so many seconds.
        usual_s: Seconds that the first connection took.
        progress_s: Seconds between two lines about the wait.
    """

    def __init__(
        self,
        which: str,
        events: Events,
        answers: Callable[[float], bool],
        *,
        usual_s: float,
        progress_s: float,
    ) -> None:
        self._which = which
        self._events = events
        self._answers = answers
        self._probe_s = min(max(PROBE_S, 2 * usual_s), SLOW_PROBE_S)
        self._progress_s = progress_s
        self._vain: InfrastructureError | None = None
        self._answered = False
        self._broke = ""
        self._begin = self._due = self._limit = 0.0

    @contextmanager
    def once(self, broke: str, patience_s: float, deadline: Deadline | None = None) -> Iterator[Deadline]:
        """Look for the exporter while the block runs, which ends with an error if it was not found.

        Args:
            broke: Why it was lost.
            patience_s: Seconds that it may take, unless it was in vain before.
            deadline: When its caller gives up, if that is sooner. Default: never.

        Yields:
            How long the block may take.
        """
        self._broke, self._begin = broke, clock.seconds()
        self._due = self._begin + TELL_S
        if self._vain is not None and not self._answered and self._answers(self._probe(deadline)):
            # It is back, and so may the rest be after a while.
            self._vain = None
        self._limit = patience_s if self._vain is None else min(self._probe_s, patience_s)
        limit = Deadline(self._limit) if deadline is None else deadline.within(self._limit)
        self._limit = limit.timeout or 0.0
        try:
            yield limit
        except _FINAL:
            raise
        except InfrastructureError as error:
            if deadline is not None and deadline.expired:
                # Its caller had no more time; that says nothing about a search that has enough.
                raise self._late() from error
            if self._vain is None:
                self._vain, self._answered = error, self._answers(self._probe(deadline))
                raise
            # One that only ran out of time says less than the one that had enough of it.
            why = self._vain if isinstance(error, OperationTimeout) else error
            raise why.reworded(
                type(why),
                f"The {self._which} was lost and looked for in vain before, and was not found within "
                f"{format_duration(self._limit)} now: {why.facts}",
            ) from error
        self._vain = None

    def _probe(self, deadline: Deadline | None) -> float:
        """Return the seconds that the controller has to answer."""
        return self._probe_s if deadline is None else deadline.at_most(self._probe_s)

    def _late(self) -> OperationTimeout:
        """Return the error for a search whose caller has no more time."""
        return OperationTimeout(
            f"The {self._which} was not found again within {format_duration(self._limit)}; its tunnel had broken: "
            f"{self._broke}. Nothing was sent to it.",
            hint=Hint.GIVE_TIME,
            fault=FaultClass.LAB,
        )

    def tell(self) -> None:
        """Tell that it is still looked for, if that was not told for a while."""
        now = clock.seconds()
        if now < self._due:
            return
        self._due = now + self._progress_s
        text = (
            f"Looking for {self._which} again since {format_duration(round(now - self._begin))}, for at most "
            f"{format_duration(self._limit)}, because its tunnel broke: {self._broke}."
        )
        self._events.emit(Notice(text, console=True))
