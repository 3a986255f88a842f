"""Wait until a dialled exporter takes driver calls: its report, its hook, its status."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import grpc

from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.events import Notice
from JumpstarterLibrary.client.interrupts import interruptible, pause, started, wait, watch_end
from JumpstarterLibrary.client.leasing.controller import ExporterInfo
from JumpstarterLibrary.client.leasing.hooks import HookFailure, HookLog, split_lines
from JumpstarterLibrary.client.leasing.route import LeaseRoute
from JumpstarterLibrary.client.leasing.start_failure import StartFailure
from JumpstarterLibrary.client.link import ExporterState, Link
from JumpstarterLibrary.errors import (
    ExporterNotReady,
    FaultClass,
    InfrastructureError,
    JumpstarterError,
    OperationTimeout,
)
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.protocol import jumpstarter_pb2
from JumpstarterLibrary.protocol.wellknown import Empty

logger = logging.getLogger(__name__)

LOOK_S = 0.5
"""How often the lease and the exporter's status are looked at while its report is awaited: more than once in the second
for which an exporter shows that its hook has failed."""

JOIN_S = 5.0
"""How long an exporter may take to come to the router, unless its hook runs."""

STATUS_S = 5.0
LEAST_S = 1.0
FIRST_PAUSE_S = 0.02
LAST_PAUSE_S = 0.3

HOOK_WORDS_S = 2.0
"""How long an exporter whose hook has failed may take to come and tell what the hook printed."""

Tick = Callable[[], None]

ReadLogs = Callable[[ExporterState], None]


def await_report(
    link: Link, route: LeaseRoute, hooks: HookLog, deadline: Deadline, tick: Tick = lambda: None
) -> jumpstarter_pb2.GetReportResponse:
    """Return an exporter's report, as soon as it answers; what its status tells of a failed hook goes to the log.

    An exporter does not come to the router before its hook is over, so that the wait may be long; but one that has no
    reason to wait and does not come within 5 seconds is dialled anew.

    Raises:
        LeaseError: The lease ended meanwhile.
        HookFailed: A hook of the exporter failed.
        ExporterOffline: The exporter went away.
        OperationTimeout: It did not answer in time.
        LinkError: Controller or router cannot be reached, or refuse.
    """
    return _ReportWait(link, route, hooks, deadline, tick).run()


class _ReportWait:
    """The wait for a report, through as many connections as it takes."""

    def __init__(self, link: Link, route: LeaseRoute, hooks: HookLog, deadline: Deadline, tick: Tick) -> None:
        self._link, self._route, self._hooks, self._deadline, self._tick = link, route, hooks, deadline, tick
        self._hooked = False
        self._failed: Deadline | None = None
        self._join = Deadline(JOIN_S)

    def run(self) -> jumpstarter_pb2.GetReportResponse:
        """Return the report."""
        while True:
            with interruptible:
                call = started(self._ask)
            try:
                if self._answered(call):
                    report = self._read(call)
                    if report is not None:
                        return report
                    _pause(self._deadline.at_most(FIRST_PAUSE_S), self._tick)
            finally:
                call.cancel()
            if self._deadline.expired:
                raise self._late()

    def _ask(self) -> Any:
        return self._link.stub.get_report.future(
            Empty(), timeout=self._deadline.remaining, metadata=self._link.metadata, wait_for_ready=True
        )

    def _answered(self, call: Any) -> bool:
        """Wait for an answer; return whether there is one. If the exporter does not come, its connection is cut."""
        self._join = Deadline(JOIN_S)
        tunnel = self._route.tunnel
        heard = tunnel.heard
        ended = watch_end(call)
        while not _done(ended, self._route, self._deadline, self._tick):
            if tunnel.error is not None:
                raise tunnel.error
            if self._deadline.expired:
                return False
            exporter = _look(self._route, self._deadline)
            waits = tunnel.dialling or (exporter is not None and self._has_reason(exporter))
            # One that is heard has come, however slow the way is.
            if waits or tunnel.heard != heard:
                heard = tunnel.heard
                self._join = Deadline(JOIN_S)
            elif self._join.expired:
                tunnel.cut("the exporter did not come to the router")
                return False
        return True

    def _has_reason(self, exporter: ExporterInfo) -> bool:
        """Whether the exporter has a reason not to come yet.

        Raises:
            HookFailed: Its hook has failed, and it does not come to tell what the hook printed.
            ExporterNotReady: It could not start the lease.
        """
        self._hooks.note(exporter.status, exporter.message)
        if isinstance(self._hooks.failure, StartFailure):
            raise self._hooks.failure.error(exporter.name, self._route.lease.name)
        if exporter.status.endswith("HOOK_FAILED"):
            self._failed = self._failed or Deadline(HOOK_WORDS_S)
            if self._failed.expired and self._hooks.failure is not None:
                raise self._hooks.failure.error(exporter.name, self._route.lease.name)
        if exporter.status != "BEFORE_LEASE_HOOK":
            return False
        if not self._hooked:
            self._hooked = True
            text = f"Exporter '{self._route.lease.exporter}' runs its hook before the lease; waiting for it."
            self._link.events.emit(Notice(text, console=True))
        return True

    def _read(self, call: Any) -> jumpstarter_pb2.GetReportResponse | None:
        """Return what was answered; None if the connection broke and another one may be had."""
        error = call.exception()
        if error is None:
            self._link.connected = True
            report: jumpstarter_pb2.GetReportResponse = call.result()
            return report
        if call.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            raise self._late() from error
        broken = call.code() is grpc.StatusCode.UNAVAILABLE and self._route.tunnel.error is None
        if broken and not self._deadline.expired and not self._route.over:
            return None
        raise self._route.explain("the report of its drivers") from error

    def _late(self) -> JumpstarterError:
        tunnel = self._route.tunnel
        why = "its hook before the lease still runs" if self._hooked and not self._route.lost else tunnel.broke
        return (
            tunnel.late(self._deadline)
            or tunnel.error
            or OperationTimeout(
                f"Exporter '{self._route.lease.exporter}' of lease '{self._route.lease.name}' did not answer within "
                f"{format_duration(self._deadline.timeout or 0)}: {why}.",
                hint=Hint.WAIT_FOR_EXPORTER,
                fault=FaultClass.LAB,
            )
        )


def _done(ended: threading.Event, route: LeaseRoute, deadline: Deadline, tick: Tick) -> bool:
    """Wait a while for an answer, or for trouble on the way; return whether there is one, also if it is an error."""
    end = deadline.within(LOOK_S)
    while not end.expired and route.tunnel.error is None:
        if wait(ended, end.at_most(0.2)):
            return True
        tick()
    return False


def _look(route: LeaseRoute, deadline: Deadline) -> ExporterInfo | None:
    """Raise if the lease is over; return what the controller says of the exporter, if there is time to ask."""
    controller = route.lease.controller
    if deadline.expired:
        return None
    try:
        route.lease.state(deadline.within(LOOK_S))
        route.lease.check()
        exporter = controller.exporter(route.lease.exporter, deadline.within(LOOK_S))
    except InfrastructureError as error:
        route.lease.check()
        logger.debug("the controller does not tell how the exporter is: %s", error)
        return None
    return exporter


def await_ready(
    link: Link,
    route: LeaseRoute,
    hooks: HookLog,
    deadline: Deadline,
    tick: Tick = lambda: None,
    read_logs: ReadLogs = lambda _: None,
) -> None:
    """Return when the exporter takes driver calls. One that is too old to tell its status is taken to do so.

    Args:
        link: The link to the exporter.
        route: What is behind the link.
        hooks: The lines of the exporter's hooks.
        deadline: Until when.
        tick: Called several times a second meanwhile.
        read_logs: Reads what the exporter had logged when it told its state: the lines of its hook belong to the wait.

    Raises:
        HookFailed: Its hook failed; the message has the hook's last lines.
        ExporterNotReady: It stopped, or was not ready in time.
        LeaseError: The lease ended meanwhile.
        LinkError: The link broke.
    """
    pause_s, version, told = FIRST_PAUSE_S, 0, False
    while True:
        try:
            state = link.get_status(deadline.within(STATUS_S, LEAST_S))
        except OperationTimeout:
            # An exporter may be busy; how long that may last is the caller's word.
            if deadline.expired:
                raise
            route.check()
            continue
        if version and state.version is not None and state.version > version + 1:
            logger.debug("exporter %s changed its status %d times unseen", link.name, state.version - version - 1)
        version = state.version or 0
        hooks.note(state.status, state.message)
        if state.status == "LEASE_READY":
            if state.log_count is not None or hooks.arrived:
                read_logs(state)
            _warn(link, state, hooks)
            return
        _check_failure(link, route, hooks, state, read_logs)
        if state.status == "BEFORE_LEASE_HOOK" and not told:
            told = True
            link.events.emit(Notice(f"Exporter '{link.name}' runs its hook before the lease.", console=True))
        if deadline.expired:
            raise ExporterNotReady(
                f"Exporter '{link.name}' was not ready within {format_duration(deadline.timeout or 0)}: its status is "
                f"{state.status}. Look at its log.{hooks.told()}"
            )
        route.check()
        _pause(deadline.at_most(pause_s), tick)
        pause_s = min(2 * pause_s, LAST_PAUSE_S)


def _check_failure(link: Link, route: LeaseRoute, hooks: HookLog, state: ExporterState, read_logs: ReadLogs) -> None:
    """Raise if the exporter will not be ready any more."""
    failure = HookFailure.behind_release(state.status, state.message)
    if failure is not None:
        raise failure.error(route.lease.exporter, route.lease.name, hooks.told())
    if state.status.endswith("HOOK_FAILED") or state.status == "OFFLINE":
        read_logs(state)
        raise _stopped(link, route, hooks, state)


def _pause(seconds: float, tick: Tick) -> None:
    pause(seconds)
    tick()


def _warn(link: Link, state: ExporterState, hooks: HookLog) -> None:
    """Warn of a hook whose failure does not keep the exporter from working."""
    if state.message.startswith("[HOOK_WARNING]"):
        said, shown = split_lines(state.message.removeprefix("[HOOK_WARNING]").strip())
        lines = hooks.told() or shown
        link.events.emit(Notice(f"Exporter '{link.name}' is ready, but its hook failed: {said}.{lines}", "WARN"))


def _stopped(link: Link, route: LeaseRoute, hooks: HookLog, state: ExporterState) -> ExporterNotReady:
    failure = HookFailure.of(state.status, state.message)
    if failure is not None:
        return failure.error(route.lease.exporter, route.lease.name, hooks.told())
    said = f" ({state.message.rstrip('.')})" if state.message else ""
    return ExporterNotReady(f"Exporter '{link.name}' is shutting down{said}. Acquire another one.{hooks.told()}")
