"""A lease that this process uses: what is known of it, and its guaranteed end."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Callable

import grpc

from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.events import Events, LeaseChanged, Notice
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.leasing.controller import Controller
from JumpstarterLibrary.client.leasing.refusals import status_of, translate_control
from JumpstarterLibrary.client.leasing.state import LeaseState, Phase
from JumpstarterLibrary.client.leasing.uninterruptible import UninterruptibleTask
from JumpstarterLibrary.errors import (
    AuthenticationError,
    InfrastructureError,
    JumpstarterError,
    LeaseError,
    LeaseExpired,
    LeaseInvalid,
    LeaseReleased,
    LeaseTransferred,
    NoSuchLease,
    UsageError,
)
from JumpstarterLibrary.hints import Hint

logger = logging.getLogger(__name__)

RELEASE_S = 5.0
"""How long releasing a lease may take."""

EXPORTER_S = 2.5
"""How long an exporter whose hook has failed may take to release the lease."""

LATE_CREATION_S = 2.0
"""How long a request that was interrupted may still be on its way to the controller."""

RETRY_S = 0.2

OVER = (LeaseExpired, LeaseReleased, LeaseTransferred)
"""Errors after which this process has nothing to release: the lease has ended, or is another client's."""

_CHANGES: dict[type[InfrastructureError], str] = {
    LeaseExpired: "expired",
    LeaseReleased: "released",
    LeaseTransferred: "transferred",
}

SLACK = datetime.timedelta(seconds=5)
"""What a shared lease may be shorter than it was asked for, before it is extended."""


class Lease:
    """A lease that this process uses, its own or another owner's.

    Args:
        controller: Where it was granted.
        name: Its name.
        events: Where its changes are told.
        ours: Whether this process asked for it, and so has to release it.
        soft: The length by which it is extended by itself; with ``hard``.
        hard: The length up to which it is extended; None for never.

    Attributes:
        exporter: The name of its exporter; empty while it has none.
        ended: Why it can be used no more; None while it can.
        confirmed: Whether the controller has answered that it exists.
        trouble: Why it could not be released, with the command that does it; empty unless that was tried.
    """

    def __init__(
        self,
        controller: Controller,
        name: str,
        events: Events,
        *,
        ours: bool,
        soft: datetime.timedelta = datetime.timedelta(minutes=30),
        hard: datetime.timedelta | None = None,
    ) -> None:
        self.controller = controller
        self.name = name
        self.events = events
        self.ours = ours
        self.soft, self.hard = soft, hard
        self.exporter = ""
        self.confirmed = not ours
        self.ended: InfrastructureError | None = None
        self.trouble = ""
        self._on_end: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._releasing: UninterruptibleTask | None = None
        self._over_to_exporter = False

    # What is known

    def state(self, timeout: Seconds = None) -> LeaseState:
        """Ask the controller, and return what it says.

        Raises:
            NoSuchLease: It knows the lease no more.
            LinkError: It cannot be reached, or refuses this client.
        """
        try:
            state = self.controller.lease(self.name, timeout)
        except NoSuchLease:
            if self.confirmed:
                self.end(
                    NoSuchLease(f"Lease '{self.name}' is gone, perhaps together with its exporter '{self.exporter}'.")
                )
            raise
        self.confirmed = True
        self.learn(state)
        return state

    def learn(self, state: LeaseState) -> None:
        """Take note of what the controller says: an exporter, an end, another owner."""
        if state.exporter:
            acquired = not self.exporter and not state.phase.over
            self.exporter = state.exporter
            if acquired:
                self._emit("acquired", state.time_left)
        if state.phase.over:
            own = self.releasing and state.phase is Phase.released
            self.end(self._own_end() if own else end_error(state))
        elif state.client and state.client != self.controller.client:
            self.end(
                LeaseTransferred(
                    f"Lease '{self.name}' of exporter '{self.exporter}' was transferred to client '{state.client}'. "
                    f"Ask its new owner, or acquire another lease."
                )
            )

    def check(self) -> None:
        """Raise why the lease can be used no more, if that is known."""
        if self.ended is not None:
            raise self.ended.reworded(type(self.ended), self.ended.facts)

    def end(self, error: InfrastructureError, level: str = "WARN") -> None:
        """Take note that the lease can be used no more; told once.

        Args:
            error: Why.
            level: How loudly it is told.
        """
        with self._lock:
            if self.ended is not None:
                return
            self.ended = error
        self._emit(_CHANGES.get(type(error), "lost"), reason=error.facts)
        if not self.releasing:
            self.events.emit(Notice(error.facts, level, console=True, hints=error.hints))
        for function in self._on_end:
            function()

    def _emit(self, change: str, left: datetime.timedelta | None = None, reason: str = "") -> None:
        seconds = None if left is None else left.total_seconds()
        self.events.emit(LeaseChanged(change, self.name, self.exporter, seconds, reason))

    @property
    def releasing(self) -> bool:
        """Whether this run has begun to release it, or has let its exporter do so."""
        return self._releasing is not None or self._over_to_exporter

    def let_exporter_release(self) -> None:
        """Take note that the exporter is told to release it, as one with hooks does when a session is over."""
        self._over_to_exporter = True

    def on_end(self, function: Callable[[], object]) -> None:
        """Call a function when the lease ends, in the thread that notices."""
        self._on_end.append(function)

    # What can be done

    def extend(self, by: datetime.timedelta, timeout: Seconds = None) -> datetime.timedelta:
        """Make the lease last longer than it would; return how long it lasts from now on.

        Raises:
            UsageError: It has not begun yet, or ``by`` is not positive.
            LeaseError: It is over, not ours or has a fixed end.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        if by <= datetime.timedelta(0):
            raise UsageError(f"A lease cannot be extended by {by}. Give a positive time.")
        state = self.state(timeout)
        self.check()
        if state.begin is None:
            raise UsageError(
                f"Lease '{self.name}' has not begun yet, so it cannot be extended. Wait until it is ready."
            )
        state = self.controller.extend_lease(self.name, state.duration + by, timeout)
        # The controller takes a new length for a lease that is over, too.
        self.learn(state)
        self.check()
        left = state.time_left
        self._emit("extended", left)
        return left if left is not None else by

    def keep_alive(self, state: LeaseState, timeout: Seconds = None) -> None:
        """Extend the lease by itself if half of its length is over, up to its hard limit.

        Raises:
            LeaseError: The controller does not want that.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        left = state.time_left
        if self.hard is None or state.phase is not Phase.ready or left is None or left > self.soft / 2:
            return
        # Not from now on: what is scheduled counts from when it was to begin.
        wanted = min(state.duration - left + self.soft, self.hard)
        if wanted > state.duration:
            self._emit("extended", self.controller.extend_lease(self.name, wanted, timeout).time_left)
            logger.debug("lease %s lasts %s now", self.name, wanted)

    def last_at_least(self, duration: datetime.timedelta, limit: datetime.timedelta | None) -> None:
        """Make the lease last at least as long as another user of it wants, counted from now.

        Args:
            duration: How long.
            limit: Up to which length it is extended by itself, likewise; None for no more than it is already.

        Raises:
            InfrastructureError: The controller does not want that, or cannot be reached.
        """
        state = self.state()
        self.check()
        self.soft = max(self.soft, duration)
        if limit is not None:
            self.hard = max(self.hard or limit, state.elapsed + limit)
        left = state.time_left
        if left is not None and left + SLACK < duration:
            self._emit("extended", self.controller.extend_lease(self.name, state.elapsed + duration).time_left)

    def transfer(self, client: str, timeout: Seconds = None) -> None:
        """Give the lease to another client; it is of no use to this one any more.

        Raises:
            LeaseError: It is not ours, or there is no such client.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        self.controller.transfer_lease(self.name, client, timeout)
        self.ours = False
        self.end(LeaseTransferred(f"Lease '{self.name}' was transferred to client '{client}'."), "INFO")

    def await_exporter(self, tick: Callable[[], None] = lambda: None) -> None:
        """Let the exporter release the lease, as it does a second after one of its hooks has failed.

        Upstream's exporter releases any lease that it has then: if this one were over before, that would be the next
        client's. After the hook after the lease it would also stay failed, until it is started anew.

        Args:
            tick: Called several times a second.
        """
        end = Deadline(EXPORTER_S)
        try:
            while not end.expired and self._held_by_exporter():
                pause(end.at_most(0.1))
                tick()
        except InfrastructureError as error:
            logger.debug("lease %s is released without its exporter: %s", self.name, error)

    def _held_by_exporter(self) -> bool:
        """Whether the lease lasts on, and its exporter is there to release it."""
        if self.controller.lease(self.name, EXPORTER_S).phase.over:
            return False
        return self.controller.exporter(self.exporter, EXPORTER_S).status != "OFFLINE"

    def release(self, timeout: Seconds = RELEASE_S) -> bool:
        """End the lease, if this process asked for it; return whether that is certain. Twice is fine.

        What has failed is tried again by the next call.

        It takes at most ``timeout`` (default: 5 seconds), also when the process is told to stop meanwhile. A lease that
        could not be released is named, with the command that does it.
        """
        with self._lock:
            if not self.ours or isinstance(self.ended, OVER):
                return True
            if self._releasing is None:
                deadline = Deadline.of(timeout)
                self._releasing = UninterruptibleTask(lambda: self._delete(deadline), deadline)
            releasing = self._releasing
        try:
            failure = releasing.wait()
        finally:
            # Also where this was interrupted: no other thread would tell.
            if releasing.over:
                self._settle(releasing, releasing.failure)
        return failure is None

    def _settle(self, releasing: UninterruptibleTask, failure: str | None) -> None:
        """Take note of how a release ended."""
        if failure is None:
            self.trouble = ""
            self.end(self._own_end())
            return
        with self._lock:
            if self._releasing is not releasing:
                return  # another thread has waited for it, too
            self._releasing = None
        until = "" if not self.exporter else f", and exporter '{self.exporter}' is not free before it ends"
        lasts = f"It lasts on{until}" if self.confirmed else "If it was made, it lasts on"
        known = bool(self.trouble)
        self.trouble = (
            f"Lease '{self.name}' could not be released: {failure} {lasts}. Free it with: jmp delete leases {self.name}"
        )
        if not known:
            self.events.emit(Notice(self.trouble, "WARN", console=True))

    def _own_end(self) -> LeaseReleased:
        return LeaseReleased(f"Lease '{self.name}' was released by this run.")

    def _delete(self, deadline: Deadline) -> str | None:
        """Delete the lease; return why that did not work, or None if it did."""
        late = Deadline(LATE_CREATION_S)
        reason: JumpstarterError | None = None
        while True:
            try:
                self.controller.delete_lease(self.name, deadline)
                return None
            except grpc.RpcError as error:
                code, details = status_of(error)
                missing = "not found" in details.lower() and self.name in details
                if code is grpc.StatusCode.FAILED_PRECONDITION or (missing and (self.confirmed or late.expired)):
                    return None
                if "permission denied" in details.lower() and code is grpc.StatusCode.UNKNOWN:
                    return None  # it was transferred, and is another client's to release
                # The last try may have had no time at all; why the one before it failed says more.
                if reason is None or code is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    asked = f"the release of lease '{self.name}'"
                    reason = translate_control(error, asked, self.controller.peer, deadline)
                if isinstance(reason, AuthenticationError):
                    return str(reason)
            except ValueError:
                return "the connection to its controller is closed."
            if deadline.expired:
                return str(reason)
            pause(deadline.at_most(RETRY_S))


def end_error(state: LeaseState) -> LeaseError:
    """Return the error for a lease that is over."""
    which = f"Lease '{state.name}'" + (f" of exporter '{state.exporter}'" if state.exporter else "")
    said = f" ({state.message.rstrip('.')})" if state.message else ""
    if state.phase is Phase.expired:
        when = f" at {local_time(state.end)}" if state.end else ""
        return LeaseExpired(
            f"{which} has expired{when}, after {format_duration(state.duration.total_seconds())}.",
            hint=Hint.EXTEND_LEASE,
        )
    if state.phase is Phase.released:
        return LeaseReleased(
            f"{which} was released, but not by this run: by its owner elsewhere, by its exporter or by an "
            f"administrator. Acquire it again."
        )
    return LeaseInvalid(f"{which} was refused by the controller: {state.reason}{said}.")


def local_time(when: datetime.datetime) -> str:
    """Return a time of day as the reader's clock shows it, with the date where it is another day."""
    local = when.astimezone()
    today = local.date() == datetime.datetime.now().astimezone().date()
    return local.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def told(error: JumpstarterError) -> str:
    """Return an error's sentence without its last full stop, to go on with."""
    return str(error).rstrip(".")
