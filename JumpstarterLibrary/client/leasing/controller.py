"""The controller as a client sees it: exporters, leases and the way to an exporter."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.interrupts import interruptible, started, wait, watch_end
from JumpstarterLibrary.client.leasing.channel import open_secure_channel
from JumpstarterLibrary.client.leasing.refusals import LimitReached, Peer, token_expired, translate_control
from JumpstarterLibrary.client.leasing.state import LeaseState
from JumpstarterLibrary.client.link import CLOSE_S, enum_name
from JumpstarterLibrary.client.settings import ClientArguments, ClientSettings, find_settings
from JumpstarterLibrary.errors import ConfigurationError, ControllerUnreachable, LeaseError
from JumpstarterLibrary.protocol import ClientStub, ControllerStub, RouterStub, client_pb2, common_pb2, jumpstarter_pb2
from JumpstarterLibrary.protocol.wellknown import Duration, Timestamp

logger = logging.getLogger(__name__)

CALL_S = 10.0
"""How long the controller may take for an answer, unless the caller has less time."""

TICK_S = 0.2
"""Seconds between two calls of ``waiting`` while a slow answer is awaited."""

PAGE = 100
LISTINGS = 3
"""How often a listing is begun anew whose continuation the controller has forgotten."""


@dataclass(frozen=True)
class ExporterInfo:
    """An exporter as the controller lists it.

    Attributes:
        name: Its name.
        labels: Its labels.
        online: Whether it is connected to the controller.
        status: Its status without the prefix: ``AVAILABLE``, ``LEASE_READY``, ``UNSPECIFIED``.
        message: Its own words to that.
        enabled: Whether it may be leased at all.
    """

    name: str
    labels: dict[str, str]
    online: bool
    status: str
    message: str
    enabled: bool


@dataclass(frozen=True, kw_only=True)
class LeaseRequest:
    """A request for a lease.

    Attributes:
        selector: Label expression of the exporter; None if it is asked for by name.
        exporter: The exporter's name; None if it is asked for by labels.
        duration: How long the lease is to last.
        max_duration: Up to which length it is extended by itself while it is held; None for never.
        begin: When it is to begin; None for as soon as possible.
        tags: Up to 10 tags.
        context: Up to 8 words about the circumstances.
        allow_disabled: Take an exporter that its administrator has disabled, too.
        name: The lease's name; None for a new one. Names are never free again.
    """

    selector: str | None = None
    exporter: str | None = None
    duration: datetime.timedelta = datetime.timedelta(minutes=30)
    max_duration: datetime.timedelta | None = None
    begin: datetime.datetime | None = None
    tags: Mapping[str, str] | None = None
    context: Mapping[str, str] | None = None
    allow_disabled: bool = False
    name: str | None = None

    def __str__(self) -> str:
        wanted = [f"selector '{self.selector}'"] if self.selector else []
        wanted += [f"exporter '{self.exporter}'"] if self.exporter else []
        return " and ".join(wanted) or "any exporter"


class _ContinuationForgotten(LeaseError):
    """A listing has to begin anew, because what came before is worth nothing without the rest."""


class Controller:
    """A client's connection to its controller; made at once, used from any thread, open until ``close``.

    Every call takes at most 10 seconds or the time that its caller has left. An expired token is read anew from the
    configuration, once, since a login elsewhere may have renewed it.

    Args:
        settings: Endpoint, identity and token.
        timeout: For fetching the certificate where the settings are insecure. Default: its own limits.

    Attributes:
        clients: The stub of the client service; see ``call``.

    Raises:
        LinkError: An insecure controller cannot be reached.
    """

    def __init__(self, settings: ClientSettings, timeout: Seconds = None) -> None:
        self.settings = settings
        self.namespace = settings.namespace
        self.client = settings.name
        self.peer = Peer("controller", settings.endpoint, f"{settings.namespace}/{settings.name}", settings.source)
        self._token = settings.token
        self._lock = threading.Lock()
        self._routers: dict[str, grpc.Channel] = {}
        self._retired: list[grpc.Channel] = []
        self._channel = self._open(settings.endpoint, Deadline.of(timeout))
        self.clients = ClientStub(self._channel)
        self._control = ControllerStub(self._channel)
        self._closed = False

    def _open(self, endpoint: str, deadline: Deadline) -> grpc.Channel:
        settings = self.settings
        return open_secure_channel(endpoint, settings.ca, settings.insecure, settings.grpc_options, deadline)

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (
            ("authorization", f"Bearer {self._token}"),
            ("jumpstarter-kind", "Client"),
            ("jumpstarter-namespace", self.namespace),
            ("jumpstarter-name", self.client),
        )

    @property
    def closed(self) -> bool:
        """Whether this side has closed it."""
        return self._closed

    # Exporters

    def exporters(self, selector: str = "", timeout: Seconds = None, *, hidden: bool = False) -> list[ExporterInfo]:
        """Return the exporters whose labels match a selector, in the order of their names.

        Args:
            selector: Label expression. Default: all exporters.
            timeout: For the whole listing.
            hidden: Return also the labels that the administrator has hidden, by which selectors match all the same.

        Raises:
            LeaseInvalid: The selector is not one.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        asked = f"the exporters of '{selector}'" if selector else "all exporters"
        fields = {"filter": selector, "show_hidden_labels": hidden}
        pages = self._pages("list_exporters", client_pb2.ListExportersRequest, asked, timeout, **fields)
        return [_exporter(exporter) for page in pages for exporter in page.exporters]

    def exporter(self, name: str, timeout: Seconds = None) -> ExporterInfo:
        """Return one exporter.

        Raises:
            NoSuchLease: The controller knows none of that name.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        request = client_pb2.GetExporterRequest(name=self._path("exporters", name))
        return _exporter(self.call(self.clients.get_exporter, request, f"exporter '{name}'", timeout))

    # Leases

    def create_lease(self, request: LeaseRequest, name: str, timeout: Seconds = None) -> client_pb2.Lease:
        """Ask for a lease under a name of our choice; whether it is granted shows later in its state.

        The raw gRPC error is raised, because only the caller knows what a lost answer means.

        Raises:
            grpc.RpcError: The controller's status, unchanged.
        """
        lease = client_pb2.Lease(
            selector=request.selector or "",
            duration=duration_message(request.duration),
            tags=dict(request.tags or {}),
            context=dict(request.context or {}),
            allow_disabled=request.allow_disabled,
        )
        if request.exporter:
            lease.exporter_name = request.exporter
        if request.begin is not None:
            lease.begin_time.CopyFrom(timestamp_message(request.begin))
        message = client_pb2.CreateLeaseRequest(parent=f"namespaces/{self.namespace}", lease_id=name, lease=lease)
        created: client_pb2.Lease = self._raw(self.clients.create_lease, message, timeout)
        return created

    def lease(self, name: str, timeout: Seconds = None) -> LeaseState:
        """Return a lease's state.

        Raises:
            NoSuchLease: The controller knows none of that name.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        request = client_pb2.GetLeaseRequest(name=self._path("leases", name))
        return LeaseState.of(self.call(self.clients.get_lease, request, f"lease '{name}'", timeout))

    def leases(self, selector: str = "", timeout: Seconds = None) -> list[LeaseState]:
        """Return the active leases of the namespace, of all clients.

        Args:
            selector: The equality part of a selector; leases are found by what they were asked for with.
            timeout: For the whole listing.

        Raises:
            LinkError: The controller cannot be reached, or refuses this client.
        """
        pages = self._pages("list_leases", client_pb2.ListLeasesRequest, "the leases", timeout, filter=selector)
        return [LeaseState.of(lease) for page in pages for lease in page.leases]

    def extend_lease(self, name: str, duration: datetime.timedelta, timeout: Seconds = None) -> LeaseState:
        """Give a lease another length, counted from its begin; return its state.

        Raises:
            LeaseNotOwned: It is not this client's.
            NoSuchLease: There is none of that name.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        lease = client_pb2.Lease(name=self._path("leases", name), duration=duration_message(duration))
        return self._update(lease, "duration", f"another duration of lease '{name}'", timeout)

    def transfer_lease(self, name: str, client: str, timeout: Seconds = None) -> LeaseState:
        """Give a lease to another client of the namespace; return its state.

        Raises:
            LeaseNotOwned: It is not this client's.
            LeaseInvalid: There is no such client, or the lease has no exporter or is over.
            NoSuchLease: There is none of that name.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        lease = client_pb2.Lease(name=self._path("leases", name), client=self._path("clients", client))
        return self._update(lease, "client", f"the transfer of lease '{name}' to client '{client}'", timeout)

    def _update(self, lease: client_pb2.Lease, field: str, asked: str, timeout: Seconds) -> LeaseState:
        request = client_pb2.UpdateLeaseRequest(lease=lease)
        request.update_mask.paths.append(field)
        return LeaseState.of(self.call(self.clients.update_lease, request, asked, timeout))

    def delete_lease(self, name: str, timeout: Seconds = None) -> None:
        """Ask for the end of a lease. The raw gRPC error is raised, because only the caller knows what it means.

        Raises:
            grpc.RpcError: The controller's status, unchanged.
        """
        request = client_pb2.DeleteLeaseRequest(name=self._path("leases", name))
        self._raw(self.clients.delete_lease, request, timeout)

    # The way to an exporter

    def dial(
        self, lease: str, timeout: Seconds, waiting: Callable[[], object] = lambda: None
    ) -> jumpstarter_pb2.DialResponse:
        """Ask for a way to a lease's exporter. The raw gRPC error is raised, because each means something else here.

        Args:
            lease: The lease.
            timeout: How long the controller may hold its answer back, until the exporter is ready.
            waiting: Called several times a second meanwhile; what it raises ends the wait.

        Raises:
            grpc.RpcError: The controller's status, unchanged.
        """
        request = jumpstarter_pb2.DialRequest(lease_name=lease)
        limit = Deadline.of(timeout)
        answer: jumpstarter_pb2.DialResponse = self._renewing(
            lambda: self._patiently(self._control.dial, request, limit, waiting)
        )
        return answer

    def router(self, endpoint: str, deadline: Deadline) -> RouterStub:
        """Return the stub of a router; all tunnels through one router share a connection.

        Raises:
            LinkError: The settings are insecure, and the router cannot be reached.
        """
        with self._lock:
            channel = self._routers.get(endpoint)
        if channel is None:
            fresh = self._open(endpoint, deadline)
            with self._lock:
                # One that is closed already makes calls fail, as any other of a closed controller.
                channel = fresh if self._closed else self._routers.setdefault(endpoint, fresh)
            if channel is not fresh or self._closed:
                fresh.close()
        return RouterStub(channel)

    def forget_router(self, endpoint: str) -> None:
        """Open a new connection to a router next time: what it showed as its certificate may have changed."""
        if self.settings.insecure:
            with self._lock:
                channel = self._routers.pop(endpoint, None)
                if channel is not None:
                    # Other tunnels may still go through it.
                    self._retired.append(channel)

    # Inside

    def call(self, method: Any, request: Any, asked: str, timeout: Seconds, *, subject: str | None = None) -> Any:
        """Make a call of the client service, and return its answer.

        Args:
            method: The stub's method; see ``clients``.
            request: Its message.
            asked: What is asked for, in words.
            timeout: How long it may take, up to 10 seconds.

        Raises:
            LeaseError: The controller refused.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        limit = Deadline.of(timeout).within(CALL_S)
        try:
            return self._raw(method, request, limit)
        except grpc.RpcError as error:
            raise translate_control(error, asked, self.peer, limit, subject) from error
        except ValueError as error:
            # What gRPC raises when the channel is closed.
            if not self._closed:
                raise
            raise ControllerUnreachable(
                f"The connection to {self.peer} is closed, so that it cannot be asked for {asked}."
            ) from error

    def _raw(self, method: Any, request: Any, timeout: Seconds) -> Any:
        limit = Deadline.of(timeout).within(CALL_S)
        return self._renewing(lambda: self._once(method, request, limit))

    def _renewing(self, call: Callable[[], Any]) -> Any:
        """Make a call, and make it again with a new token if it was refused for the old one."""
        token = self._token
        try:
            return call()
        except grpc.RpcError as error:
            # What was refused for its token was not carried out, so that it may be repeated.
            if not token_expired(error) or not self.renew_token(token):
                raise
        return call()

    def _once(self, method: Any, request: Any, limit: Deadline) -> Any:
        with interruptible:
            return method(request, timeout=limit.remaining, metadata=self._metadata)

    def _patiently(self, method: Any, request: Any, limit: Deadline, waiting: Callable[[], object]) -> Any:
        with interruptible:
            call = started(lambda: method.future(request, timeout=limit.remaining, metadata=self._metadata))
        try:
            ended = watch_end(call)
            while not wait(ended, limit.at_most(TICK_S)):
                waiting()
                if limit.expired:
                    raise LimitReached
            with interruptible:
                return call.result()
        finally:
            with interruptible:
                call.cancel()

    def renew_token(self, old: str) -> bool:
        """Read the token anew from the configuration file; return whether there is another one than the old one."""
        if self._token != old:
            return True  # another thread was quicker
        if self.settings.path is None:
            return False
        try:
            token = find_settings(ClientArguments(config=self.settings.path)).token
        except ConfigurationError as error:
            logger.debug("the token could not be read anew: %s", error)
            return False
        if token == old:
            return False
        logger.info("The token of client %s was renewed meanwhile; the new one is used.", self.peer.client)
        self._token = token
        return True

    def _pages(self, method: str, kind: Any, asked: str, timeout: Seconds, **fields: Any) -> list[Any]:
        deadline = Deadline.of(timeout)
        for _ in range(LISTINGS - 1):
            try:
                return self._walk(method, kind, asked, deadline, fields)
            except _ContinuationForgotten as error:
                logger.debug("listing %s begins anew: %s", asked, error)
        return self._walk(method, kind, asked, deadline, fields)

    def _walk(self, method: str, kind: Any, asked: str, deadline: Deadline, fields: dict[str, Any]) -> list[Any]:
        pages: list[Any] = []
        token = ""
        while not pages or token:
            request = kind(parent=f"namespaces/{self.namespace}", page_size=PAGE, page_token=token, **fields)
            try:
                page = self.call(getattr(self.clients, method), request, asked, deadline)
            except LeaseError as error:
                # The controller forgets the continuation of a listing after some minutes.
                if token:
                    raise _ContinuationForgotten(str(error)) from error
                raise
            pages.append(page)
            token = page.next_page_token
        return pages

    def _path(self, collection: str, name: str) -> str:
        return f"namespaces/{self.namespace}/{collection}/{name}"

    def close(self) -> None:
        """Close all channels; calls in flight end with an error. Closing twice is fine; it takes 2 seconds at most."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            channels = [self._channel, *self._routers.values(), *self._retired]
            self._routers.clear()

        def close() -> None:
            for channel in channels:
                channel.close()

        closing = threading.Thread(target=close, name="jumpstarter-close", daemon=True)
        with interruptible:
            closing.start()
            closing.join(CLOSE_S)


def _exporter(exporter: client_pb2.Exporter) -> ExporterInfo:
    return ExporterInfo(
        name=exporter.name.rpartition("/")[2],
        labels=dict(exporter.labels),
        online=exporter.online,
        status=enum_name(common_pb2.ExporterStatus, exporter.status, "EXPORTER_STATUS_"),
        message=exporter.status_message,
        enabled=exporter.enabled if exporter.HasField("enabled") else True,
    )


def duration_message(value: datetime.timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(value)
    return duration


def timestamp_message(value: datetime.datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(value.astimezone(datetime.UTC).replace(tzinfo=None))
    return timestamp
