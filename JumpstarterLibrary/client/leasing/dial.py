"""Dial: from a lease to a router and a token, with the right answer to each of the controller's refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.leasing.controller import ExporterInfo
from JumpstarterLibrary.client.leasing.hooks import HookFailure, failure_of
from JumpstarterLibrary.client.leasing.lease import Lease, told
from JumpstarterLibrary.client.leasing.refusals import status_of, translate_control, transport_error
from JumpstarterLibrary.client.leasing.start_failure import StartFailure
from JumpstarterLibrary.client.leasing.state import Phase
from JumpstarterLibrary.errors import (
    ControllerUnreachable,
    ExporterNotReady,
    ExporterOffline,
    InfrastructureError,
    JumpstarterError,
    LeaseError,
    LeaseNotOwned,
)

logger = logging.getLogger(__name__)

Code = grpc.StatusCode

Tick = Callable[[], None]

FIRST_PAUSE_S = 0.05
LAST_PAUSE_S = 1.0
WATCH_S = 2.0
"""How often the lease is looked at while the controller waits for its exporter."""

FULL_PAUSE_S = 1.0
"""Before the next Dial, where the exporter has not fetched those before."""

ATTEMPT_S = 35.0
"""How long one Dial may take. The controller itself waits up to 28 seconds for an exporter to become ready."""

OFFLINE_S = 10.0
"""How long an exporter may be offline, as while it restarts."""

FREE = "AVAILABLE"
"""What an exporter says of itself that does not know yet that it is leased, or had no time to say so."""

FREE_S = 1.0
"""How long it may say so before it is dialled all the same."""

LOOK_S = 2.0
"""How long the controller may take to tell what an exporter says."""

FIRST_LOOK_S = 0.005
LAST_LOOK_S = 0.1


@dataclass(frozen=True)
class RouterEndpoint:
    """The router and token by which a lease's exporter is reached.

    Attributes:
        endpoint: The router.
        token: What it wants to see.
    """

    endpoint: str
    token: str = field(repr=False)


class Dialer:
    """Asks the controller for ways to one lease's exporter.

    Args:
        lease: The lease.
        tick: Called several times a second while it waits, unless another one is given.
    """

    def __init__(self, lease: Lease, tick: Tick = lambda: None) -> None:
        self._lease = lease
        self._tick = tick
        self._refusal: JumpstarterError | None = None

    def late(self, deadline: Deadline) -> JumpstarterError | None:
        """Return why there is no way yet, for a caller that has waited until a deadline; None without a refusal."""
        return self._too_late(self._refusal, deadline) if self._refusal is not None else None

    def dial(self, deadline: Deadline, tick: Tick | None = None) -> RouterEndpoint:
        """Return a way, as soon as there is one.

        Refusals that pass by themselves are waited out: an exporter that does not listen yet, is not ready, is busy
        with earlier tokens, or is offline for less than 10 seconds. Meanwhile the lease is looked at, so that no
        caller waits for the exporter of a dead one.

        Args:
            deadline: Until when.
            tick: Called several times a second meanwhile, in the waiting thread; what it raises ends the wait.

        Raises:
            LeaseError: The lease is over, gone or another client's.
            ExporterOffline: The exporter is not there.
            HookFailed: A hook of the exporter failed.
            ExporterNotReady: The time ran out; the message has the last refusal.
            ControllerUnreachable: The controller does not answer.
            AuthenticationError: The controller refuses this client.
            TlsError: The controller shows another certificate than it should.
        """
        tick = tick or self._tick
        self._let_it_begin(deadline, tick)
        pause_s = FIRST_PAUSE_S
        offline: Deadline | None = None
        refusal = self._refusal = None
        while True:
            self._lease.check()
            limit = deadline.within(ATTEMPT_S)
            try:
                answer = self._lease.controller.dial(self._lease.name, limit, self._watch(tick))
                self._refusal = None
                return RouterEndpoint(answer.router_endpoint, answer.router_token)
            except grpc.RpcError as error:
                code, details = status_of(error)
                # The last attempt may have had no time at all; why the one before it was refused says more.
                if refusal is None or code is not Code.DEADLINE_EXCEEDED:
                    refusal = self._refusal = self._judge(error, limit)
                if "offline" in details and code is Code.FAILED_PRECONDITION:
                    offline = offline or deadline.within(OFFLINE_S)
                    if offline.expired:
                        raise refusal from error
                if deadline.expired:
                    raise self._too_late(refusal, deadline) from error
                if code is Code.RESOURCE_EXHAUSTED:
                    pause_s = FULL_PAUSE_S
            self._wait(deadline.at_most(pause_s), tick)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    def _let_it_begin(self, deadline: Deadline, tick: Tick) -> None:
        """Wait until the exporter does not call itself free any more.

        The controller would wait as well, but with its first look half a second later; an exporter takes some
        milliseconds from the lease to the word that it is ready.
        """
        end, pause_s = deadline.within(FREE_S), FIRST_LOOK_S
        while self._free() and not end.expired and self._lease.ended is None:
            self._wait(end.at_most(pause_s), tick)
            pause_s = min(2 * pause_s, LAST_LOOK_S)

    def _free(self) -> bool:
        exporter = self._exporter()
        return exporter is not None and exporter.status == FREE

    def _watch(self, tick: Tick) -> Tick:
        """Return what looks at the lease now and then, while the controller holds its answer back."""
        due = clock.seconds() + WATCH_S

        def watch() -> None:
            nonlocal due
            tick()
            self._lease.check()
            if clock.seconds() >= due:
                self._look()
                due = clock.seconds() + WATCH_S

        return watch

    def _wait(self, seconds: float, tick: Tick) -> None:
        """Wait, but no longer than the lease lasts."""
        end = Deadline(seconds)
        while not end.expired and self._lease.ended is None:
            pause(end.at_most(0.2))
            tick()

    def _judge(self, error: grpc.RpcError, limit: Deadline) -> JumpstarterError:
        """Return the error for a refusal that may pass; raise the one for a refusal that does not."""
        lease, peer = self._lease, self._lease.controller.peer
        code, details = status_of(error)
        logger.debug("Dial of lease %s was refused with %s: %s", lease.name, code, details)
        which = f"exporter '{lease.exporter}' of lease '{lease.name}'"
        if code is Code.UNAVAILABLE and "not listening" in details:
            self._look()
            return ExporterNotReady(f"The {which} does not listen for clients")
        if code is Code.UNAVAILABLE:
            lost = transport_error(details, peer)
            if lost is not None and not isinstance(lost, ControllerUnreachable):
                raise lost from error
            return lost or ControllerUnreachable(f"The {peer} could not make a way to {which}: {details.rstrip('.')}.")
        if code in (Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED):
            self._look()
            what = "takes no more connections" if code is Code.RESOURCE_EXHAUSTED else "was not ready in time"
            return ExporterNotReady(f"The {which} {what}")
        if code is Code.FAILED_PRECONDITION:
            return self._precondition(details, which, error)
        if code is Code.UNKNOWN and "lease not active" in details:
            self._look()
            return ExporterNotReady(f"The lease '{lease.name}' has no exporter yet")
        if code is Code.UNKNOWN and "permission denied" in details:
            self._look()  # knows a transfer, and tells the new owner
            raise LeaseNotOwned(
                f"Lease '{lease.name}' is not this client's ({peer.client}). Ask its owner to transfer it, or acquire "
                f"another one."
            ) from error
        raise translate_control(error, f"a way to lease '{lease.name}'", peer, limit) from error

    def _precondition(self, details: str, which: str, error: grpc.RpcError) -> JumpstarterError:
        exporter = self._exporter()
        shown = failure_of(exporter.status, exporter.message, self._lease.name) if exporter is not None else None
        if "beforeLease hook failed" in details:
            # An exporter ends the lease for that, too.
            raise self._failed(shown or HookFailure("before")) from error
        if isinstance(shown, StartFailure):
            # The exporter ends the lease for that, too.
            raise self._failed(shown) from error
        self._look()
        if "hook failed" in details:
            raise self._failed(shown or HookFailure("after")) from error
        if "offline" in details:
            if shown is not None:
                # Where a hook's failure ends the exporter, it does not come back by itself.
                raise self._failed(shown) from error
            said = exporter.message if exporter is not None else ""
            why = f" ({said.rstrip('.')})" if said else ""
            return ExporterOffline(f"The {which} is offline{why}. Wait until it is back, or acquire another exporter.")
        return ExporterNotReady(f"The {which} is not ready: {details.rstrip('.')}")

    def _failed(self, failure: HookFailure | StartFailure) -> ExporterNotReady:
        return failure.error(self._lease.exporter, self._lease.name)

    def _exporter(self) -> ExporterInfo | None:
        """Return what the controller tells of the exporter; None where it does not."""
        try:
            return self._lease.controller.exporter(self._lease.exporter, LOOK_S)
        except InfrastructureError as error:
            logger.debug("the exporter's status is not known: %s", error)
            return None

    def _look(self) -> None:
        """Raise if the lease is over; not knowing is no reason to give up."""
        try:
            state = self._lease.state(2.0)
        except ControllerUnreachable as error:
            logger.debug("the lease could not be looked at: %s", error)
            return
        if state.phase is Phase.waiting:
            raise LeaseError(f"Lease '{self._lease.name}' has no exporter any more: {state.reason}.")
        self._lease.check()

    def _too_late(self, refusal: JumpstarterError, deadline: Deadline) -> JumpstarterError:
        if type(refusal) is not ExporterNotReady:
            return refusal
        return ExporterNotReady(
            f"{told(refusal)}; that did not change within {format_duration(deadline.timeout or 0)}. Look at "
            f"the exporter's log, or acquire another exporter."
        )
