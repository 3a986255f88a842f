"""The link to one exporter: its channel, stub and call metadata, and the calls that are about the exporter itself."""

from __future__ import annotations

import copy
import getpass
import logging
import math
import os
import platform
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.channel import open_channel
from JumpstarterLibrary.client.config import DirectConnection
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.interrupts import interruptible
from JumpstarterLibrary.client.linked_exporter import Route
from JumpstarterLibrary.client.liveness import Liveness, LivenessWatch
from JumpstarterLibrary.client.peer_text import clean_message, details_of
from JumpstarterLibrary.client.status import Operation, link_error, translate
from JumpstarterLibrary.common.unix_sockets import check_path
from JumpstarterLibrary.errors import FaultClass, LinkError, OperationTimeout
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.protocol import ExporterStub, common_pb2, jumpstarter_pb2
from JumpstarterLibrary.protocol.names import CLIENT_SEPARATOR, LOG_COUNT_KEY, PASSPHRASE_KEY
from JumpstarterLibrary.protocol.wellknown import Empty
from JumpstarterLibrary.types import Tls

logger = logging.getLogger(__name__)

CLOSE_S = 2.0

STATUS_S = 5.0
"""How long an exporter may take to tell its status."""

AGAIN_S = 1.0
"""For how long an exporter that has not answered is not asked again."""

PROBE_S = 1.5
"""How long an exporter may take to show that it is alive."""


@dataclass(frozen=True)
class ExporterState:
    """An exporter's answer to GetStatus.

    Attributes:
        status: The status without its prefix, for example ``LEASE_READY``.
        message: The exporter's own words, or an empty string.
        version: Grows by one at each change; None where the exporter is too old to tell.
        log_count: How many records its session has written to its log so far; None where it is upstream's.
    """

    status: str
    message: str
    version: int | None
    log_count: int | None = field(default=None, compare=False)


class Link:
    """A channel to an exporter, open until ``close``.

    Attributes:
        client: What byte streams tell the exporter of this client: a key that all of the link's streams have, and the
            process's name for other clients.
        log_read: The number of the last record of the exporter's log that was read; 0 for none.

    Args:
        connection: Where the exporter is and how to reach it.
        timeout: How long ``tls=pin`` may take to fetch the certificate. Default: its own limits.
        events: The subscribers to what happens. Default: none yet.
        route: What lies behind the connection. Default: nothing that could be found again.

    Raises:
        ConfigurationError: The socket's path is too long.
        LinkError: The socket is not there, or ``tls=pin`` found no server.
    """

    def __init__(
        self,
        connection: DirectConnection,
        timeout: Seconds = None,
        *,
        events: Events | None = None,
        route: Route | None = None,
    ) -> None:
        self.name = connection.name
        self.source = connection.source
        self.secure = connection.tls is not Tls.plaintext
        self.connected = False
        self.log_read = 0
        self.silent_s: float | None = None
        # In lists, which the copies of `by` share.
        self._heard = [clock.seconds()]
        self._unanswered = [-math.inf]
        self._watch: LivenessWatch | None = None
        self._given_up = False
        self._connection = connection
        self._closed = threading.Event()
        self.events = events or Events()
        self.route = route
        path = connection.address.path
        if path is not None:
            check_path(path, connection.source)
        if path is not None and not os.path.exists(path):  # noqa: PTH110 - a socket path, not a file to work with
            raise LinkError(
                f"There is no exporter socket '{path}' (from {connection.source}). Check the path, and that the "
                f"exporter or the shell that made it still runs."
            )
        self.client = f"{uuid4().hex}{CLIENT_SEPARATOR}{_process_name()}"
        self.metadata = ((PASSPHRASE_KEY, connection.passphrase),) if connection.passphrase else ()
        self._channel = open_channel(connection, Deadline.of(timeout), patient=route is not None)
        self._stub = ExporterStub(self._channel, clean_message)
        self._ping: Any = None

    @property
    def stub(self) -> ExporterStub:
        """The exporter's RPCs.

        Raises:
            LinkError: The link is closed, or was given up.
        """
        if self._closed.is_set():
            raise LinkError(f"The link to exporter '{self.name}' is closed. Connect to it again.")
        if self._given_up:
            raise self._silent_still()
        return self._stub

    def get_report(self, timeout: Seconds) -> jumpstarter_pb2.GetReportResponse:
        """Return the exporter's report of its drivers; the first call on a fresh link.

        Raises:
            OperationTimeout: There was no answer within ``timeout``.
            LinkError: The exporter cannot be reached, or refused the passphrase.
        """
        deadline = Deadline.of(timeout)
        operation = Operation("the report of its drivers (GetReport)")
        try:
            with interruptible:
                report: jumpstarter_pb2.GetReportResponse = self.stub.get_report(
                    Empty(), timeout=deadline.remaining, metadata=self.metadata
                )
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise link_error(self, operation, details_of(error) or "no details") from error
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and deadline.expired:
                raise OperationTimeout(
                    f"Exporter '{self.name}' (from {self.source}) did not answer within "
                    f"{format_duration(deadline.timeout or 0)}.",
                    hint=Hint.CHECK_LISTENER,
                    fault=FaultClass.LAB,
                ) from error
            raise translate(error, self, operation, deadline) from error
        self.connected = True
        return report

    def alive(self) -> bool:
        """Whether the exporter answers anything at all within 1.5 seconds."""
        if self._given_up or (self.route is not None and self.route.lost):
            return False  # asking would only find it again
        if self._heard[0] < self._unanswered[0] and clock.seconds() - self._unanswered[0] < AGAIN_S:
            return False  # as just now: the end of an operation asks several times
        answers = self._answers(self._stub, PROBE_S)
        if not answers:
            self._unanswered[0] = clock.seconds()
        # Perhaps it was another connection that brought the answer.
        return answers and (self.route is None or not self.route.lost)

    def _answers(self, stub: ExporterStub, limit_s: float) -> bool:
        """Whether the exporter answers anything at all to a stub within some seconds."""
        try:
            with interruptible:
                stub.get_status(jumpstarter_pb2.GetStatusRequest(), timeout=limit_s, metadata=self.metadata)
        except grpc.RpcError as error:
            lost = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
            return error.code() not in lost
        except ValueError:
            # What gRPC raises when the channel is closed, perhaps meanwhile, by another thread.
            return False
        return True

    # Silence

    def heard(self) -> None:
        """Take note of a sign of life."""
        self._heard[0] = clock.seconds()

    def watch(self, limit_s: Callable[[], float], lost: Callable[[], object]) -> None:
        """Look for signs of life from now on, until the link is closed.

        Args:
            limit_s: Returns how many seconds the exporter may be silent. Then the link is given up: all that runs on it
                ends with an error.
            lost: Called, in another thread, when that has happened.
        """
        self.heard()

        def look() -> bool:
            return not self._given_up and liveness.look()

        def give_up() -> None:
            self.silent_s, self._given_up = liveness.limit_s, True
            self._close_channel()
            lost()

        liveness = Liveness(lambda: self._heard[0], self.ping, limit_s)
        self._watch = LivenessWatch(lambda: liveness.pace_s, look, give_up)

    @property
    def given_up(self) -> bool:
        """Whether it was given up because the exporter was silent, and not connected anew since."""
        return self._given_up

    def revive(self, limit_s: float = PROBE_S) -> bool:
        """Connect anew if the link was given up; return whether it was.

        Args:
            limit_s: Seconds that the exporter may take to answer, at most 1.5.

        Raises:
            LinkError: The exporter still does not answer.
        """
        if not self._given_up or self._closed.is_set():
            return False
        limit = Deadline(min(limit_s, PROBE_S))
        channel = open_channel(self._connection, limit)
        stub = ExporterStub(channel, clean_message)
        if not self._answers(stub, limit.at_most(PROBE_S)):
            _close(channel, 0.0)
            raise self._silent_still()
        self._channel, self._stub = channel, stub
        self.heard()
        self._given_up = False
        if self._closed.is_set():  # by another thread, meanwhile
            self._close_channel()
        return True

    def _silent_still(self) -> LinkError:
        return LinkError(
            f"Exporter '{self.name}' (from {self.source}) was lost: it had answered nothing for "
            f"{format_duration(self.silent_s or 0)} (exporter_silence), and does not answer now. Nothing was sent to "
            f"it. Check that it still runs."
        )

    def barrier(self) -> bool:
        """Return when the exporter has seen all that was sent before, or cannot be asked; say whether it has answered.

        Frames of one HTTP/2 connection arrive in order, so that an answer proves that an earlier cancellation arrived.
        """
        return self.alive()

    def ping(self, timeout: float) -> None:
        """Ask for a sign of life without waiting for it; any answer counts as heard."""
        on_its_way = clock.held()

        def over(call: Any) -> None:
            on_its_way()
            # What says that the connection is broken is told to all calls that wait, and is no silence.
            if call.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
                self.heard()

        try:
            # gRPC cancels a call whose future has no reference.
            self._ping = self._stub.get_status.future(
                jumpstarter_pb2.GetStatusRequest(), timeout=timeout, metadata=self.metadata
            )
        except ValueError:
            on_its_way()
            logger.debug("the channel of %s is closed", self.name)
            return
        self._ping.add_done_callback(over)

    def by(self, route: Route) -> Link:
        """Return this link for the calls of one connection: they are lost with it, even if another connection follows.

        Args:
            route: What knows whether that connection is lost.
        """
        link = copy.copy(self)
        link.route = route
        return link

    def get_status(self, timeout: Seconds = STATUS_S) -> ExporterState:
        """Return the exporter's status; ``LEASE_READY`` with no version where it is too old to tell.

        Raises:
            InfrastructureError: The exporter cannot be asked.
        """
        deadline = Deadline.of(timeout)
        try:
            with interruptible:
                answer, call = self.stub.get_status.with_call(
                    jumpstarter_pb2.GetStatusRequest(), timeout=deadline.remaining, metadata=self.metadata
                )
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return ExporterState("LEASE_READY", "", None)
            raise translate(error, self, Operation("the exporter's status (GetStatus)"), deadline) from error
        name = enum_name(common_pb2.ExporterStatus, answer.status, "EXPORTER_STATUS_")
        return ExporterState(name, answer.message, answer.status_version, _log_count(call))

    def end_session(self, timeout: Seconds = 5.0) -> bool:
        """Tell the exporter that this session is over; return whether it will act on it.

        False means that it holds no lease, or is too old to know the call. Standalone exporters must not be told: it
        would leave them unavailable for good.

        Raises:
            InfrastructureError: The exporter cannot be asked.
        """
        deadline = Deadline.of(timeout)
        try:
            with interruptible:
                answer = self.stub.end_session(
                    jumpstarter_pb2.EndSessionRequest(), timeout=deadline.remaining, metadata=self.metadata
                )
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return False
            raise translate(error, self, Operation("the end of the session (EndSession)"), deadline) from error
        return bool(answer.success)

    def close(self) -> None:
        """Close the channel; calls in flight end with an error. Closing twice is fine.

        A frozen exporter can keep a call in gRPC's hands for ever, so this waits 2 seconds and leaves the rest to a
        daemon thread.
        """
        self._closed.set()
        if self._watch is not None:
            self._watch.close()
        self._close_channel(CLOSE_S)

    def _close_channel(self, limit_s: float = 0.0) -> None:
        _close(self._channel, limit_s)


def _close(channel: grpc.Channel, limit_s: float) -> None:
    """Close a channel in a thread, and wait some seconds for that."""
    closing = threading.Thread(target=channel.close, name="jumpstarter-close", daemon=True)
    closing.start()
    closing.join(limit_s)


def enum_name(enum: Any, number: int, prefix: str) -> str:
    """Return the name of an enum's number without its prefix; the number as text where only newer exporters know it."""
    try:
        name: str = enum.Name(number)
    except ValueError:
        return str(number)
    return name.removeprefix(prefix)


def _log_count(call: Any) -> int | None:
    found = [value for key, value in call.trailing_metadata() or () if key == LOG_COUNT_KEY]
    return int(found[0]) if found and found[0].isdecimal() else None


def _process_name() -> str:
    """Return how this process is named to other clients of an exporter: user, host and process, in ASCII."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container often runs under a number that has no name.
        user = f"user {os.getuid()}"
    return f"{user}@{platform.node()}, process {os.getpid()}".encode("ascii", "replace").decode()
