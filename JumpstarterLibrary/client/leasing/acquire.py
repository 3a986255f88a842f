"""Ask for a lease and wait for it: leak none, do not wait for one that cannot come, and report the wait."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import grpc

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.leasing.availability import held_by, holders, unfit
from JumpstarterLibrary.client.leasing.controller import CALL_S, Controller, LeaseRequest
from JumpstarterLibrary.client.leasing.exit_cleanup import register, unregister
from JumpstarterLibrary.client.leasing.hooks import shown_failure
from JumpstarterLibrary.client.leasing.lease import LATE_CREATION_S, Lease, end_error
from JumpstarterLibrary.client.leasing.refusals import (
    already_exists,
    lost_answer,
    perhaps_done,
    status_of,
    still_starting,
    translate_control,
    transport_error,
)
from JumpstarterLibrary.client.leasing.state import LeaseState, Phase
from JumpstarterLibrary.client.selectors import parse_selector
from JumpstarterLibrary.common.uuid7 import uuid7
from JumpstarterLibrary.errors import (
    ConfigurationError,
    ControllerUnreachable,
    FaultClass,
    LeaseInvalid,
    LeaseNotOwned,
    LeaseTimeout,
    LeaseUnsatisfiable,
    NoSuchLease,
    TlsError,
)
from JumpstarterLibrary.hints import Hint

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.025
LAST_PAUSE_S = 2.0
"""Between two looks at a lease that waits; longer the longer it waits."""

LEAST_S = 1.0
"""What a call to the controller may take, however little time there is: also without any, what is free is had."""

FIRST_CONTACT_S = 5.0
"""How long a controller may be unreachable that has not answered yet."""

NEXT_CONTACT_S = 1.5
"""The same, where it was unreachable when it was asked before; gRPC tries to connect once in that time at least."""

Tick = Callable[[], None]


class Acquisition:
    """One request for a lease, from its creation until it has an exporter.

    Args:
        controller: Who is asked.
        request: What is wanted.
        deadline: Until when.
        progress_s: Seconds between two lines about the wait, beside those at each change.
        events: Where these lines go.
        tick: Called several times a second, in the waiting thread.
        away: Whether the controller was away when it was asked before, so that it is not waited for again.
        held: The leases that the caller holds itself, by name, with what uses them in words: to wait for one of them
            would be in vain.
        not_released: Called with a request that could not be taken back, to try that again. Default: the exit of the
            interpreter does.
    """

    def __init__(
        self,
        controller: Controller,
        request: LeaseRequest,
        deadline: Deadline,
        *,
        progress_s: float,
        events: Events,
        tick: Tick,
        away: bool = False,
        held: Mapping[str, str] | None = None,
        not_released: Callable[[Lease], object] = lambda _lease: None,
    ) -> None:
        self._controller = controller
        self._not_released = not_released
        self._held = held or {}
        self._away = away
        self._request = request
        self._deadline = deadline
        self._progress_s = progress_s
        self._events = events
        self._tick = tick
        self._begin = clock.seconds()
        self._answered: float | None = None
        self._told, self._line = self._begin, ""
        self._joined = False

    def run(self) -> Lease:
        """Return the lease as soon as it has an exporter. If that fails, or is interrupted, the request is taken back.

        Raises:
            LeaseTimeout: No exporter became free in time; the message tells who holds them and until when.
            LeaseUnsatisfiable: None will ever fit; the message has the nearest labels.
            LeaseInvalid: The controller refused the request as such.
            HookFailed: The exporter has released the lease already, because its hook before the lease failed.
            ExporterNotReady: The exporter has released the lease already, because its drivers could not start.
            LeaseError: The lease was released or has expired meanwhile.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        while True:
            lease = self._new_lease()
            register(lease)
            try:
                self._create(lease)
                state = self._wait(lease)
                if state.phase is Phase.ready:
                    lease.learn(state)
                    return lease
                self._refuse(lease, state)
            except BaseException:
                if lease.release():
                    unregister(lease)
                else:
                    self._not_released(lease)
                raise
            # An old controller's word for exporters that are offline at the moment: ask again, under another name.
            lease.release()
            unregister(lease)
            self._pause(LAST_PAUSE_S)
            if self._deadline.expired:
                raise self._too_late(replace(state, reason="Offline"))

    def join(self, name: str) -> Lease:
        """Return a lease that another owner has asked for, as soon as it has an exporter. It is never released here.

        Args:
            name: The lease's name.

        Raises:
            InfrastructureError: See ``run``.
        """
        lease = Lease(self._controller, name, self._events, ours=False)
        self._joined = True
        state = self._wait(lease)
        if state.phase is not Phase.ready:
            self._refuse(lease, state)
        lease.learn(state)
        return lease

    def _new_lease(self) -> Lease:
        request = self._request
        return Lease(
            self._controller,
            request.name or uuid7(),
            self._events,
            ours=True,
            soft=request.duration,
            hard=request.max_duration,
        )

    # Creating

    def _create(self, lease: Lease) -> None:
        pause_s = FIRST_PAUSE_S
        perhaps = False
        while True:
            lease.ours = True
            limit = self._deadline.within(CALL_S, LEAST_S)
            try:
                self._warn_of(self._controller.create_lease(self._request, lease.name, limit))
            except grpc.RpcError as error:
                perhaps = perhaps or perhaps_done(error)
                # What surely was not created needs no release.
                lease.ours = perhaps
                if already_exists(error):
                    self._adopt(lease, perhaps)
                elif lost_answer(error):
                    # The name is ours, so that the same request may be repeated: it cannot make two leases.
                    self._unanswered(error, limit)
                    self._pause(pause_s)
                    pause_s = min(2 * pause_s, LAST_PAUSE_S)
                    continue
                else:
                    raise self._translated(error, limit) from error
            self._answered = clock.seconds()
            return

    def _warn_of(self, deprecated: dict[str, str]) -> None:
        """Warn of labels in the selector that are going away, in their administrator's words."""
        for label, words in deprecated.items():
            said = f": {words.rstrip('.')}" if words else ""
            self._events.emit(Notice(f"The label '{label}' of {self._request} is deprecated{said}.", "WARN"))

    def _adopt(self, lease: Lease, perhaps: bool) -> None:
        """Take a lease for ours that has our name: an earlier answer was lost, or the caller chose the name again."""
        state = self._controller.lease(lease.name, self._deadline)
        request = self._request
        meant = parse_selector(request.selector or "").means(parse_selector(state.selector))
        if not meant or (state.client, state.wanted_exporter) != (self._controller.client, request.exporter or ""):
            lease.ours = False
            what = f"selector '{state.selector}'" if state.selector else f"exporter '{state.wanted_exporter}'"
            raise LeaseNotOwned(
                f"A lease '{lease.name}' exists already: client '{state.client}' asked for {what}. Names are never "
                f"free again; choose another one, or none."
            )
        if state.phase.over and not perhaps:
            raise LeaseNotOwned(
                f"A lease '{lease.name}' existed already, and is over. Names are never free again; choose another one, "
                f"or none."
            )
        lease.ours = perhaps
        lease.confirmed = True
        if not perhaps:
            text = f"Lease '{lease.name}' exists already, and is this client's. It is used, and not released here."
            self._events.emit(Notice(text, "WARN"))

    def _unanswered(self, error: grpc.RpcError, limit: Deadline) -> None:
        """Raise if the controller has been silent for too long."""
        translated = self._translated(error, limit)
        if isinstance(translated, TlsError) or not isinstance(translated, ControllerUnreachable):
            raise translated from error
        translated.__cause__ = error
        self._patience(translated)

    def _patience(self, error: ControllerUnreachable) -> None:
        """Raise an error if the controller has not been reached for too long. One that has just started is reached."""
        if still_starting(error.__cause__):
            self._answered = clock.seconds()
            self._tell_start()
        if self._answered is not None:
            begin, limit = self._answered, self._controller.settings.retry_timeout
        else:
            begin, limit = self._begin, NEXT_CONTACT_S if self._away else FIRST_CONTACT_S
        if self._deadline.expired or clock.seconds() - begin > limit:
            raise error

    def _translated(self, error: grpc.RpcError, limit: Deadline) -> Exception:
        code, details = status_of(error)
        asked = f"a lease of {self._request}"
        if code is grpc.StatusCode.UNAVAILABLE:
            lost = transport_error(details, self._controller.peer)
            if lost is not None:
                return lost
        return translate_control(error, asked, self._controller.peer, limit)

    # Waiting

    def _wait(self, lease: Lease) -> LeaseState:
        """Return the state in which the lease waits no more."""
        created = Deadline(LATE_CREATION_S)
        while True:
            state = self._look(lease, created)
            if state is not None:
                if state.phase is not Phase.waiting:
                    return state
                self._tell(lease, state)
                if self._deadline.expired:
                    raise self._too_late(state)
            # Not much later than what was waited for: by a tenth of the wait, or two seconds.
            waited = clock.seconds() - self._begin
            self._pause(min(max(FIRST_PAUSE_S, waited / 10), LAST_PAUSE_S) * random.uniform(0.8, 1.2))

    def _look(self, lease: Lease, created: Deadline) -> LeaseState | None:
        try:
            state = self._controller.lease(lease.name, self._deadline.within(CALL_S, LEAST_S), patient=False)
        except ControllerUnreachable as error:
            self._patience(error)
            return None
        except NoSuchLease:
            # What a controller has just written, it may not read at once.
            if lease.confirmed or created.expired or self._deadline.expired:
                raise
            return None
        self._answered = clock.seconds()
        lease.confirmed = True
        return state

    def _pause(self, seconds: float) -> None:
        end = self._deadline.within(seconds)
        while not end.expired:
            pause(end.at_most(0.2))
            self._tick()

    def _tell(self, lease: Lease, state: LeaseState) -> None:
        """Tell why it still waits, if that has changed or was told long ago."""
        now = clock.seconds()
        if state.reason in ("", self._line) and now - self._told < self._progress_s:
            return
        self._told, self._line = now, state.reason
        seconds = round(now - self._begin)
        self._check_own()
        waited = f" since {format_duration(seconds)}" if seconds else ""
        why = said(state, self._request)
        who = holders(self._controller, self._request, Deadline(5.0))
        text = f"Waiting for {self._request} (lease '{lease.name}'){waited}: {why}{who}."
        self._events.emit(Notice(text, console=True))

    def _tell_start(self) -> None:
        now = clock.seconds()
        if self._line != _STARTING or now - self._told >= self._progress_s:
            self._told, self._line = now, _STARTING
            peer = self._controller.peer
            text = f"Waiting for {self._request}: the {peer} has just started, and accepts no client yet."
            self._events.emit(Notice(text, console=True))

    def _check_own(self) -> None:
        """Raise if all exporters that fit are leased by the caller, which would wait for itself."""
        if not self._held or self._request.begin is not None:
            return  # the caller may have given them back by then
        own = held_by(self._controller, self._request, self._held, Deadline(5.0))
        if own:
            request = self._request
            what = f"Exporter '{request.exporter}' cannot" if request.exporter else f"No exporter for {request} can"
            raise LeaseUnsatisfiable(
                f"{what} become free, since this run waits for itself: it holds {own}. Release it first, or ask for "
                f"another exporter.",
                fault=FaultClass.TEST,
            )

    # Ending

    def _too_late(self, state: LeaseState) -> LeaseTimeout:
        request, limit = self._request, format_duration(self._deadline.timeout or 0)
        who = holders(self._controller, request, Deadline(5.0))
        what = (
            f"Exporter '{request.exporter}' did not become free within {limit}"
            if request.exporter
            else f"No exporter for {request} became free within {limit}"
        )
        left = f"Lease '{state.name}' goes on waiting" if self._joined else "The request was taken back"
        return LeaseTimeout(f"{what}: {said(state, request)}{who}. {left}.", hint=Hint.WAIT_LONGER)

    def _refuse(self, lease: Lease, state: LeaseState) -> None:
        """Raise why there is no lease; return if it is worth asking again."""
        if state.phase is Phase.unsatisfiable:
            if state.reason == "NoExporter":
                self._wait_for_old_controller(lease, replace(state, reason="Offline"))
                return
            request = self._request
            what = (
                f"Exporter '{request.exporter}' cannot be leased" if request.exporter else f"No exporter fits {request}"
            )
            why, hint = unfit(self._controller, request, state, Deadline(5.0))
            raise LeaseUnsatisfiable(f"{what}: {why}", hint=hint)
        self._refuse_otherwise(state)

    def _wait_for_old_controller(self, lease: Lease, state: LeaseState) -> None:
        """Return if it is to be asked again, under another name, for exporters that are offline now."""
        if self._request.name or self._joined:
            raise LeaseUnsatisfiable(
                f"There is no lease of {self._request}: {said(state, self._request)}, and this controller is too old "
                f"to wait for that under a name of yours.",
                hint=Hint.LEAVE_LEASE_NAME_OUT,
            )
        self._tell(lease, state)

    def _refuse_otherwise(self, state: LeaseState) -> None:
        if state.phase is Phase.invalid:
            words = (state.message or state.reason).rstrip(".")
            raise LeaseInvalid(f"The controller refused a lease of {self._request}: {words}. Correct the request.")
        if state.phase is Phase.released and state.exporter:
            failure = shown_failure(self._controller, state.exporter, state.name, released=True)
            if failure is not None:
                raise failure.error(state.exporter, state.name)
        raise end_error(state)


_STARTING = "the controller has just started"

_REASONS = {
    "Offline": "offline",
    "NotAvailable": "leased",
    "NotReady": "not ready yet",
}


def said(state: LeaseState, request: LeaseRequest | None = None) -> str:
    """Return why a lease waits, as a phrase.

    Args:
        state: What the controller says of it.
        request: What it was asked for with, if that is known better than by the controller.
    """
    if state.reason in _REASONS:
        one = state.wanted_exporter if request is None else request.exporter
        return f"{'it is' if one else 'those that match are'} {_REASONS[state.reason]}"
    if state.reason == "Scheduled":
        return "it is to begin later"
    return state.reason or "the controller has not decided yet"


def acquire(
    controller: Controller,
    request: LeaseRequest,
    deadline: Deadline,
    *,
    progress_s: float = 15.0,
    events: Events | None = None,
    tick: Tick = lambda: None,
    away: bool = False,
    held: Mapping[str, str] | None = None,
    not_released: Callable[[Lease], object] = lambda _lease: None,
) -> Lease:
    """Return a lease that has an exporter; see ``Acquisition``."""
    if not request.selector and not request.exporter:
        raise ConfigurationError("A lease needs a selector or the name of an exporter.", hint=Hint.SELECT_EXPORTER)
    acquisition = Acquisition(
        controller,
        request,
        deadline,
        progress_s=progress_s,
        events=events or Events(),
        tick=tick,
        away=away,
        held=held,
        not_released=not_released,
    )
    return acquisition.run()
