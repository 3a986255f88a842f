"""Dial: from a lease to a router and a token, with the right answer to each of the controller's refusals."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from JumpstarterLibrary.client.deadline import Deadline, spoken
from JumpstarterLibrary.client.leasing.lease import Lease, told
from JumpstarterLibrary.client.leasing.refusals import status_of, translate_control, transport_error
from JumpstarterLibrary.client.leasing.state import Phase
from JumpstarterLibrary.errors import (
    ControllerUnreachable,
    ExporterNotReady,
    ExporterOffline,
    HookFailed,
    InfrastructureError,
    JumpstarterError,
    LeaseError,
    LeaseNotOwned,
)

logger = logging.getLogger(__name__)

Code = grpc.StatusCode

FIRST_PAUSE_S = 0.05
LAST_PAUSE_S = 1.0
FULL_PAUSE_S = 1.0
"""Before the next Dial, where the exporter has not fetched those before."""

ATTEMPT_S = 35.0
"""How long one Dial may take. The controller itself waits up to 28 seconds for an exporter to become ready."""

OFFLINE_S = 10.0
"""How long an exporter may be offline, as while it restarts."""


@dataclass(frozen=True)
class Way:
    """How to reach a lease's exporter.

    Attributes:
        endpoint: The router.
        token: What it wants to see.
    """

    endpoint: str
    token: str


class Dialer:
    """Asks the controller for ways to one lease's exporter.

    Args:
        lease: The lease.
        tick: Called now and then while it waits, in the waiting thread.
    """

    def __init__(self, lease: Lease, tick: Callable[[], None] = lambda: None) -> None:
        self._lease = lease
        self._tick = tick

    def dial(self, deadline: Deadline) -> Way:
        """Return a way, as soon as there is one.

        Refusals that pass by themselves are waited out: an exporter that does not listen yet, is not ready, is busy
        with earlier tokens, or is offline for less than 10 seconds. Between two attempts the lease is looked at, so
        that nobody waits for the exporter of a dead one.

        Raises:
            LeaseError: The lease is over, gone or somebody else's.
            ExporterOffline: The exporter is not there.
            HookFailed: A hook of the exporter failed.
            ExporterNotReady: The time ran out; the message has the last refusal.
            ControllerUnreachable: The controller does not answer.
            AuthenticationError: The controller refuses this client.
            TlsError: The controller shows another certificate than it should.
        """
        pause_s = FIRST_PAUSE_S
        offline: Deadline | None = None
        while True:
            self._lease.check()
            limit = Deadline(deadline.at_most(ATTEMPT_S))
            try:
                answer = self._lease.controller.dial(self._lease.name, limit)
                return Way(answer.router_endpoint, answer.router_token)
            except grpc.RpcError as error:
                refusal = self._judge(error, limit)
                code, details = status_of(error)
                if "offline" in details and code is Code.FAILED_PRECONDITION:
                    offline = offline or Deadline(deadline.at_most(OFFLINE_S))
                    if offline.expired:
                        raise refusal from error
                if deadline.expired:
                    raise self._too_late(refusal, deadline) from error
                if code is Code.RESOURCE_EXHAUSTED:
                    pause_s = FULL_PAUSE_S
            self._wait(min(pause_s, deadline.at_most(pause_s)))
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    def _wait(self, seconds: float) -> None:
        """Wait, but no longer than the lease lasts."""
        pause, end = threading.Event(), Deadline(seconds)
        while not end.expired and self._lease.ended is None:
            pause.wait(end.at_most(0.2))
            self._tick()

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
            return lost or ControllerUnreachable(f"The {peer} could not make a way to {which}: {details}.")
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
        if "hook failed" in details:
            self._look()
            raise HookFailed(self._hook_text(which, details)) from error
        self._look()
        if "offline" in details:
            return ExporterOffline(
                f"The {which} is offline; the lease lasts on. Wait until it is back, or acquire another exporter."
            )
        return ExporterNotReady(f"The {which} is not ready: {details.rstrip('.')}")

    def _hook_text(self, which: str, details: str) -> str:
        try:
            said = self._lease.controller.exporter(self._lease.exporter, 2.0).message
        except InfrastructureError as error:
            logger.debug("the exporter's words are not known: %s", error)
            said = ""
        when = "after" if "afterLease" in details else "before"
        why = f": {said.rstrip('.')}" if said else ""
        return f"The {which} cannot be used, because its hook {when} the lease failed{why}. Look at the exporter's log."

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
            f"{told(refusal)}; that did not change within {spoken(deadline.timeout or 0)}. Look at the exporter's log, "
            f"or acquire another exporter."
        )
