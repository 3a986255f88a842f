"""A session: one driver tree, served to clients."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import grpc

from JumpstarterLibrary.exporter.dispatch import CallFailed, map_driver_errors, unexpected
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.driver_threads import PATIENCE_S, DriverThreads
from JumpstarterLibrary.exporter.logs import DRIVER_LOGGER, EXPORTER_LOGGER, LogRing, log_scope
from JumpstarterLibrary.exporter.offers import EXPIRY_S, OfferBudget
from JumpstarterLibrary.protocol import common_pb2, jumpstarter_pb2

GRACE_S = 1.0
"""Seconds that running RPCs get when a session ends."""

AVAILABLE = common_pb2.EXPORTER_STATUS_AVAILABLE
BEFORE_LEASE_HOOK = common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK
LEASE_READY = common_pb2.EXPORTER_STATUS_LEASE_READY
AFTER_LEASE_HOOK = common_pb2.EXPORTER_STATUS_AFTER_LEASE_HOOK

_CALLABLE_STATUS = {BEFORE_LEASE_HOOK, LEASE_READY, AFTER_LEASE_HOOK}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Features:
    """The features of an exporter, and its differences from upstream's. The defaults are right outside of tests.

    Attributes:
        get_status: Answer GetStatus; older exporters do not.
        end_session: Answer EndSession; older exporters do not.
        log_stream: Answer LogStream; older exporters do not.
        gate_calls: Refuse driver calls with FAILED_PRECONDITION unless the status is LEASE_READY or that of a running
            hook. Upstream means to, but does not.
        cut_off_is_error: A driver that reads a resource whose client went away in the middle gets an error. Upstream's
            gets an ordinary end of data, so that a cut-off upload passes for a whole one.
    """

    get_status: bool = True
    end_session: bool = True
    log_stream: bool = True
    gate_calls: bool = False
    cut_off_is_error: bool = True


class Session:
    """A server of a driver tree on any number of sockets, on the running event loop.

    The drivers are reset when the session is entered, and closed when it is left. ``serving.serve_unix`` and
    ``serving.serve_tcp`` enter it unless the caller has.

    Args:
        root_driver: The tree.
        uuid: The session's id in its report; random unless given.
        labels: The exporter's labels.
        motd: A message for users.
        features: What this exporter can do.
        on_end_session: Called when a client ends the session; without it there is nothing to end.
        grace: Seconds that running RPCs get when a server stops; default 1.
        loggers: Names of the loggers whose records clients can read.
        call_patience: Seconds that a call waits while its driver runs as many as it may, and a resource stream while
            as many wait for a call as may; default 30.
        fetch_loopback: Whether clients may let the exporter fetch URLs of its own host; default yes. Serving on a TCP
            port that other hosts can reach turns it off.
        offer_expiry: Seconds in which a call has to take a resource stream; default 120.
    """

    def __init__(
        self,
        root_driver: Driver,
        *,
        uuid: UUID | None = None,
        labels: dict[str, str] | None = None,
        motd: str | None = None,
        features: Features | None = None,
        on_end_session: Callable[[], None] | None = None,
        grace: float = GRACE_S,
        loggers: tuple[str, ...] = (DRIVER_LOGGER, EXPORTER_LOGGER),
        call_patience: float = PATIENCE_S,
        offer_expiry: float = EXPIRY_S,
        fetch_loopback: bool = True,
    ) -> None:
        self.root_driver = root_driver
        self.uuid = uuid or uuid4()
        self.labels = labels or {}
        self.motd = motd
        self.features = features or Features()
        self.logs = LogRing(loggers)
        self._on_end_session = on_end_session
        self.grace = grace
        self.fetch_loopback = fetch_loopback
        self._entered = 0
        self._entries = root_driver.enumerate()
        self._drivers = {entry.driver.uuid: entry.driver for entry in self._entries}
        names = {entry.uuid: repr(entry.name or type(entry.driver).__name__) for entry in self._entries}
        self.threads = DriverThreads(names, call_patience)
        self.offers = OfferBudget(patience=call_patience, expiry=offer_expiry)
        self._status = jumpstarter_pb2.GetStatusResponse(status=AVAILABLE, message="", status_version=0)

    async def __aenter__(self) -> Self:
        """Reset the drivers and begin to collect log records; entering again only counts."""
        self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the drivers. A driver that fails to close is reported in the log."""
        self.finish()

    def begin(self) -> None:
        """Do what entering does, for callers without an event loop; ``finish`` belongs to it."""
        self._entered += 1
        if self._entered == 1:
            self.logs.attach()
            try:
                with log_scope(self.logs, "reset"):
                    self.root_driver.reset()
            except BaseException:
                self.finish()
                raise

    def finish(self) -> None:
        """Do what leaving does, for callers without an event loop."""
        self._entered -= 1
        if self._entered:
            return
        with log_scope(self.logs, "close"):
            close_driver(self.root_driver)
        self.threads.close()
        self.logs.detach()

    def report(self) -> jumpstarter_pb2.GetReportResponse:
        """Return what GetReport answers."""
        return jumpstarter_pb2.GetReportResponse(
            uuid=str(self.uuid),
            labels=self.labels,
            reports=[entry.driver.report(parent=entry.parent, name=entry.name) for entry in self._entries],
            motd=self.motd,
        )

    def status(self) -> jumpstarter_pb2.GetStatusResponse:
        """Return what GetStatus answers."""
        return self._status

    def update_status(self, status: int, message: str = "") -> None:
        """Change the status; the version grows by one, also when the status stays the same.

        Args:
            status: A number of the protocol's ExporterStatus.
            message: A text for users.
        """
        previous = self._status
        self._status = jumpstarter_pb2.GetStatusResponse(
            status=status,  # type: ignore[arg-type]
            message=message,
            status_version=previous.status_version + 1,
            previous_status=previous.status,
        )

    def end(self) -> jumpstarter_pb2.EndSessionResponse:
        """Do what EndSession asks for, and return its answer."""
        if self._on_end_session is None:
            return jumpstarter_pb2.EndSessionResponse(success=False, message="No active lease context")
        self._on_end_session()
        return jumpstarter_pb2.EndSessionResponse(success=True)

    def driver(self, uuid: str) -> Driver:
        """Return the driver that a request names.

        Raises:
            CallFailed: UNKNOWN; this session has no such driver.
        """
        parsed = _parse_uuid(uuid)
        try:
            return self._drivers[parsed]
        except KeyError as error:
            raise unexpected(error) from error

    def callable_driver(self, uuid: str) -> Driver:
        """Return the driver that a call names, if the status allows calls.

        Raises:
            CallFailed: FAILED_PRECONDITION; it does not. UNKNOWN; this session has no such driver.
        """
        status = self._status.status
        if self.features.gate_calls and status not in _CALLABLE_STATUS:
            name = common_pb2.ExporterStatus.Name(status).removeprefix("EXPORTER_STATUS_")
            raise CallFailed(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"The exporter takes no driver calls in status {name}. Wait for LEASE_READY.",
            )
        return self.driver(uuid)


def _parse_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise unexpected(error) from error


def close_driver(root: Driver) -> None:
    """Close a driver and what is below it; failures go to the log, since everything else has to end as well."""
    try:
        with map_driver_errors(_log, f"close() of {type(root).__name__}"):
            root.close()
    except CallFailed as failure:
        _log.error("A driver did not close: %s", failure.details)
