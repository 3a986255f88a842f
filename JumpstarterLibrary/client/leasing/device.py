"""A device behind a lease: connected through the tunnel, found again when the tunnel breaks."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration, search_limit
from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.events import Events, LinkChanged, LogRecord, Notice
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.leasing.dial import Dialer
from JumpstarterLibrary.client.leasing.hooks import HookLog, shown_failure, split_lines
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.readiness import await_ready, await_report
from JumpstarterLibrary.client.leasing.reconnect import ReconnectPolicy
from JumpstarterLibrary.client.leasing.route import LeaseRoute, RouteGeneration, open_route
from JumpstarterLibrary.client.link import Link
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.client.tree import build_tree
from JumpstarterLibrary.errors import (
    ControllerUnreachable,
    ExporterNotReady,
    FaultClass,
    HookFailed,
    InfrastructureError,
    LeaseReleased,
    LinkError,
    OperationTimeout,
)
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.protocol import jumpstarter_pb2

logger = logging.getLogger(__name__)

GOODBYE_S = 2.0
"""How long an exporter may take to say that it knows of the end of its session."""

PROGRESS_S = 15.0
"""Seconds between two lines about a wait, unless the caller gives another pace."""

FAILED = "AFTER_LEASE_HOOK_FAILED"
FINISHED = ("AVAILABLE", FAILED, "OFFLINE")

_CONSEQUENCES = (LeaseReleased, LinkError, OperationTimeout, ExporterNotReady)
"""What a client may be told of an exporter whose hook has failed, if not that."""

Tick = Callable[[], None]


class LeasedDevice(Device):
    """A device whose exporter was leased.

    Args:
        link: The link through the tunnel.
        report: The exporter's report.
        route: The lease and the tunnel.
        hooks: The lines of the exporter's hooks.
        tick: Called several times a second while something is awaited.
        follow_logs: Emit the exporter's log as events for as long as the device is connected.
        usual_s: Seconds that this connection took.
        progress_s: Seconds between two lines about the wait for another one.
        timing: The time limits and pauses of its boards. Default: the defaults.
    """

    def __init__(
        self,
        link: Link,
        report: jumpstarter_pb2.GetReportResponse,
        route: LeaseRoute,
        hooks: HookLog,
        tick: Tick,
        *,
        follow_logs: bool = False,
        usual_s: float = 0.0,
        progress_s: float = PROGRESS_S,
        timing: Timing | None = None,
    ) -> None:
        super().__init__(link, build_tree(report.reports), report.motd, timing=timing)
        self.labels = dict(report.labels)
        self.tick = tick
        self._route = route
        self._hooks = hooks
        self._following = follow_logs
        self._closing = threading.Event()
        self._passage = RouteGeneration(route)
        self._present = link.by(self._passage)
        which = f"exporter '{link.name}' of lease '{route.lease.name}'"
        self._search = ReconnectPolicy(which, link.events, route.answers, usual_s=usual_s, progress_s=progress_s)
        self._told: RouteGeneration | None = None
        self._lease_name = route.lease.name
        route.watch(link, lambda: self.timing.exporter_silence)

    @property
    def lease(self) -> Lease:
        """Its lease."""
        return self._route.lease

    def exporter_labels(self) -> dict[str, str]:
        """Return the labels of its exporter; the controller knows more of them than the exporter."""
        found = self.lease.controller.calls.exporter(self.lease.exporter, hidden=True)
        return {**self.labels, **found.labels}

    def own_secrets(self) -> list[str]:
        """Return the secrets by which it was connected: also the tokens of its controller's client."""
        return [*super().own_secrets(), *self.lease.controller.secrets]

    def check_liveness(self) -> None:
        """Ping a silent exporter, without waiting; see ``LeaseRoute.check_liveness``."""
        self._route.check_liveness()

    def ready(self, deadline: Deadline | None = None) -> Link:
        """Return the link; if its tunnel broke, connect anew while the lease lasts.

        That may take as long as the dial timeout; once it was in vain it is tried for about a second only.

        Args:
            deadline: Until when that may take. Default: no other limit.

        Raises:
            LeaseError: The lease is over.
            OperationTimeout: The exporter was not reached again before the deadline.
            InfrastructureError: It cannot be reached again.
        """
        deadline = search_limit(deadline)
        with self._alone(deadline):
            self._route.check()
            if self._passage.lost:
                broke = self._route.tunnel.broke
                if self._told is not self._passage:
                    self._told = self._passage
                    self._link_changed("lost", str(broke))
                self._route.searching = True
                try:
                    with self._search.once(broke, self._route.dial_timeout, deadline) as limit:
                        self._connect_again(limit)
                finally:
                    self._route.searching = False
                self._link_changed("reconnected")
                text = f"Exporter '{self.link.name}' was connected again; the tunnel had broken: {broke}."
                self.link.events.emit(Notice(text, "WARN"))
            return self._present

    @contextlib.contextmanager
    def _alone(self, deadline: Deadline | None) -> Iterator[None]:
        """Let one thread at a time look for the exporter.

        Raises:
            OperationTimeout: Another one still looks for it at the deadline.
        """
        left = None if deadline is None else deadline.remaining
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise OperationTimeout(
                f"Exporter '{self.link.name}' of lease '{self.lease.name}' was not found again within "
                f"{format_duration((deadline and deadline.timeout) or 0)}, by another thread that looks for it. "
                f"Nothing was sent to it.",
                hint=Hint.GIVE_TIME,
                fault=FaultClass.LAB,
            )
        try:
            yield
        finally:
            self._lock.release()

    @property
    def present(self) -> Link:
        """The link, lost as soon as its present connection is."""
        return self._present

    def _connect_again(self, deadline: Deadline) -> None:
        def meanwhile() -> None:
            self._meanwhile()
            self._search.tell()

        self._route.tunnel.begin_anew()
        report = await_report(self.link, self._route, self._hooks, deadline, meanwhile)
        passage = RouteGeneration(self._route)
        self._following = self._following or self.follows_logs
        self._stop_logs()
        self.await_ready(deadline)
        # An exporter that was started anew has drivers with other ids.
        fresh = {node.path: node.uuid for node in build_tree(report.reports).walk()}
        for node in self.root.walk():
            node.uuid = fresh.get(node.path, node.uuid)
        self._passage, self._present = passage, self.link.by(passage)
        self._resume_consoles()

    def await_ready(self, deadline: Deadline) -> None:
        """Wait until the exporter takes driver calls, and tell what its hook prints meanwhile.

        Raises:
            InfrastructureError: See ``readiness.await_ready``.
        """
        self.follow_logs()
        try:
            await_ready(self.link, self._route, self._hooks, deadline, self._meanwhile, self.read_logs)
        finally:
            # It costs something with every call that the exporter logs.
            if not self._following:
                self._stop_logs()

    def _meanwhile(self) -> None:
        self.tick()
        if self._closing.is_set():
            raise LinkError(f"The link to exporter '{self.link.name}' is closed. Connect to it again.")

    def finish(self, patience: Seconds) -> None:
        """Tell the exporter that its session is over, and wait for its hook after the lease, if it has one.

        Only for leases that are ours to release. Trouble goes to the log: the lease ends anyway.

        Args:
            patience: How long the hook may take, while its lines are still told.
        """
        if self.lease.ended is not None or self._route.lost:
            return
        deadline = Deadline.of(patience)
        try:
            before = self.link.get_status(GOODBYE_S).version
            self._hooks.forget()
            self.follow_logs()
            self.lease.let_exporter_release()
            if before is None or not self.link.end_session(GOODBYE_S):
                return
            self._await_end(before, deadline)
        except InfrastructureError as error:
            logger.debug("the end of the session of %s was not followed: %s", self.link.name, error)

    def _await_end(self, before: int, deadline: Deadline) -> None:
        told = False
        while True:
            state = self.link.get_status(GOODBYE_S)
            new = (state.version or 0) > before
            # What the hook before the lease left behind is told until the status changes.
            stops = state.status == "OFFLINE" and "hook" in state.message.lower()
            if new and (state.status == FAILED or stops or "[HOOK_WARNING]" in state.message):
                self.read_logs(state)
                said, shown = split_lines(state.message.removeprefix("[HOOK_WARNING]").strip())
                lines = self._hooks.told() or shown
                text = f"The hook after the lease of exporter '{self.link.name}' failed: {said}.{lines}"
                self.link.events.emit(Notice(text, "WARN"))
            if new and state.status in FINISHED:
                self.read_logs(state)
                if state.status == FAILED:
                    self.lease.await_exporter(self.tick)
                return
            if deadline.expired:
                waited = format_duration(deadline.timeout or 0)
                text = f"The hook after the lease of exporter '{self.link.name}' still runs after {waited}."
                self.link.events.emit(Notice(text))
                return
            if state.status == "AFTER_LEASE_HOOK" and not told:
                told = True
                self.link.events.emit(
                    Notice(f"Exporter '{self.link.name}' runs its hook after the lease.", console=True)
                )
            self._route.check()
            pause(deadline.at_most(0.1))
            self.tick()

    def close(self) -> None:
        """Close consoles, log, link and tunnel; the lease is not touched. Closing twice is fine."""
        # Another thread may be looking for the exporter, and would go on doing so.
        self._closing.set()
        # What ends from now on was ended here, whichever of link and tunnel is gone first.
        self._route.closing = True
        super().close()
        self._route.close()


def connect_lease(
    lease: Lease,
    deadline: Deadline,
    *,
    events: Events | None = None,
    tick: Tick = lambda: None,
    follow_logs: bool = False,
    progress_s: float = PROGRESS_S,
    timing: Timing | None = None,
) -> LeasedDevice:
    """Connect to the exporter of a lease, and return the device when it takes driver calls.

    Args:
        lease: A lease that has an exporter.
        deadline: Until when.
        events: The device's events. Default: those of the lease.
        tick: Called several times a second, in the waiting thread.
        follow_logs: Go on emitting the exporter's log when the device is ready.
        progress_s: Seconds between two lines about the wait for a lost exporter.
        timing: The time limits and pauses of its boards. Default: the defaults.

    Raises:
        LeaseError: The lease ended meanwhile.
        HookFailed: The exporter's hook before the lease failed.
        ExporterNotReady: The exporter is offline, or did not become ready.
        OperationTimeout: It did not answer in time.
        LinkError: Controller or router cannot be reached, or refuse.
    """
    events = events or lease.events
    hooks = HookLog(lease.name)
    events.subscribe(hooks.put, LogRecord)
    try:
        return _connected(
            lease, deadline, hooks, events, tick, follow_logs=follow_logs, progress_s=progress_s, timing=timing
        )
    except InfrastructureError as error:
        failure = _shown_failure(lease, hooks, error)
        if failure is None:
            raise
        raise failure from error


def _connected(
    lease: Lease,
    deadline: Deadline,
    hooks: HookLog,
    events: Events,
    tick: Tick,
    *,
    follow_logs: bool,
    progress_s: float,
    timing: Timing | None,
) -> LeasedDevice:
    begin = clock.seconds()
    route = open_route(lease, deadline, Dialer(lease, tick), lease.controller.settings.dial_timeout)
    try:
        link = Link(route.connection, deadline, events=events, route=route)
        try:
            report = await_report(link, route, hooks, deadline, tick)
            usual_s = clock.seconds() - begin
            device = LeasedDevice(
                link,
                report,
                route,
                hooks,
                tick,
                follow_logs=follow_logs,
                usual_s=usual_s,
                progress_s=progress_s,
                timing=timing,
            )
            device.await_ready(deadline)
            link.events.emit(LinkChanged("connected", link.name, lease.name, device.labels))
            if device.motd.strip():
                link.events.emit(Notice(f"Message of exporter '{link.name}': {device.motd.strip()}", console=True))
        except BaseException:
            link.close()
            raise
    except BaseException:
        route.close()
        raise
    return device


def _shown_failure(lease: Lease, hooks: HookLog, error: InfrastructureError) -> ExporterNotReady | None:
    """Return the failure of the exporter that is behind another error; None if there is no sign of one.

    When a hook has failed or a driver did not start, the exporter ends the lease and the connection, and either may be
    noticed first.
    """
    failure = hooks.failure
    if isinstance(error, HookFailed) or lease.releasing:
        return None
    if failure is None and isinstance(error, _CONSEQUENCES) and not isinstance(error, ControllerUnreachable):
        released = isinstance(lease.ended, LeaseReleased)
        failure = shown_failure(lease.controller, lease.exporter, lease.name, released=released)
    return None if failure is None else failure.error(lease.exporter, lease.name, hooks.told())
