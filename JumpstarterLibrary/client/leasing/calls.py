"""The controller's client service: one method for each RPC, with whole answers, and listings of any length."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.leasing.connection import CALL_S, ControllerConnection
from JumpstarterLibrary.client.leasing.refusals import perhaps_done, translate_control
from JumpstarterLibrary.common.uuid7 import uuid7
from JumpstarterLibrary.errors import InfrastructureError, LeaseError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.protocol import client_pb2
from JumpstarterLibrary.protocol.wellknown import Duration, Timestamp

logger = logging.getLogger(__name__)

PAGE = 100
"""How many exporters or leases the controller sends at once."""

LISTINGS = 3
"""How often a listing is begun whose continuation the controller has forgotten."""


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

    @property
    def target(self) -> tuple[str | None, str | None, str | None]:
        """What another request has to name as well to share the lease: selector, exporter and name."""
        return self.selector, self.exporter, self.name

    def __str__(self) -> str:
        wanted = [f"selector '{self.selector}'"] if self.selector else []
        wanted += [f"exporter '{self.exporter}'"] if self.exporter else []
        return " and ".join(wanted) or "any exporter"


class Listing:
    """The pages of a listing; it begins anew where the controller has forgotten how it goes on.

    It makes no calls, so that it serves threads and coroutines::

        while not listing.complete:
            with listing.next_page() as token:
                listing.pages.append(call(token))

    Attributes:
        pages: The answers so far.
    """

    def __init__(self) -> None:
        self.pages: list[Any] = []
        self._begun = 1

    @property
    def complete(self) -> bool:
        """Whether the last page is there."""
        return bool(self.pages) and not self.pages[-1].next_page_token

    @contextmanager
    def next_page(self) -> Iterator[str]:
        """Yield the token of the next page; empty for the first one.

        Raises:
            LeaseError: The call of the block was refused, and beginning anew does not help.
        """
        try:
            yield self.pages[-1].next_page_token if self.pages else ""
        except LeaseError as error:
            # The controller forgets the continuation of a listing after some minutes.
            if not self.pages or self._begun == LISTINGS:
                raise
            logger.debug("the listing begins anew: %s", error)
            self._begun += 1
            self.pages.clear()


class ControllerCalls:
    """One method for each RPC of the client service. Each takes 10 seconds at most, and may be called in any thread.

    All of them raise a `LeaseError` where the controller refuses, and a `LinkError` where it cannot be reached or does
    not accept this client; those that ``try`` raise the controller's status as gRPC does.

    Args:
        connection: The connection.
        namespace: The namespace of what is asked for. Default: the client's own.
    """

    def __init__(self, connection: ControllerConnection, namespace: str | None = None) -> None:
        self._connection = connection
        self._parent = f"namespaces/{connection.namespace if namespace is None else namespace}"

    # Exporters

    def exporter(self, name: str, *, hidden: bool = False, timeout: Seconds = None) -> client_pb2.Exporter:
        """Return one exporter.

        Args:
            name: Its name.
            hidden: Return also the labels that the administrator has hidden.
            timeout: Less than 10 seconds.
        """
        request = client_pb2.GetExporterRequest(name=self._path("exporters", name), show_hidden_labels=hidden)
        stub = self._connection.clients.get_exporter
        answer: client_pb2.Exporter = self._connection.call(stub, request, f"exporter '{name}'", timeout)
        return answer

    def exporters(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        selector: str = "",
        hidden: bool = False,
        timeout: Seconds = None,
    ) -> client_pb2.ListExportersResponse:
        """Return one page of the exporters, in the order of their names.

        Args:
            page_size: How many at most; 0 for all.
            page_token: Where the page before said that this one begins.
            selector: Label expression of exporters.
            hidden: Return also the labels that the administrator has hidden.
            timeout: Less than 10 seconds.
        """
        request = client_pb2.ListExportersRequest(
            parent=self._parent,
            page_size=page_size,
            page_token=page_token,
            filter=selector,
            show_hidden_labels=hidden,
        )
        asked = f"the exporters of '{selector}'" if selector else "all exporters"
        stub = self._connection.clients.list_exporters
        answer: client_pb2.ListExportersResponse = self._connection.call(stub, request, asked, timeout)
        return answer

    def all_exporters(
        self, *, selector: str = "", hidden: bool = False, timeout: Seconds = None
    ) -> list[client_pb2.Exporter]:
        """Return the exporters of all pages; see ``exporters``. The timeout is for the whole listing."""
        deadline = Deadline.of(timeout)
        pages = _listed(
            lambda token: self.exporters(
                page_size=PAGE, page_token=token, selector=selector, hidden=hidden, timeout=deadline
            )
        )
        return [exporter for page in pages for exporter in page.exporters]

    # Leases

    def lease(self, name: str, timeout: Seconds = None, *, patient: bool = True) -> client_pb2.Lease:
        """Return one lease, whether it lasts or has ended.

        Args:
            name: Its name.
            timeout: Less than 10 seconds.
            patient: Whether it is asked for again where the controller has just started, and accepts no client yet.
        """
        request = client_pb2.GetLeaseRequest(name=self._path("leases", name))
        stub = self._connection.clients.get_lease
        answer: client_pb2.Lease = self._connection.call(stub, request, f"lease '{name}'", timeout, patient=patient)
        return answer

    def leases(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        selector: str = "",
        only_active: bool | None = None,
        tag_filter: str = "",
        timeout: Seconds = None,
    ) -> client_pb2.ListLeasesResponse:
        """Return one page of the leases of all clients, in the order of their names.

        Args:
            page_size: How many at most; 0 for all.
            page_token: Where the page before said that this one begins.
            selector: The equality part of a selector; leases are found by what they were asked for with.
            only_active: Leave out those that have ended. Default: the controller's, which does.
            tag_filter: Label expression of tags.
            timeout: Less than 10 seconds.
        """
        request = client_pb2.ListLeasesRequest(
            parent=self._parent,
            page_size=page_size,
            page_token=page_token,
            filter=selector,
            only_active=only_active,
            tag_filter=tag_filter,
        )
        stub = self._connection.clients.list_leases
        answer: client_pb2.ListLeasesResponse = self._connection.call(stub, request, "the leases", timeout)
        return answer

    def all_leases(self, *, selector: str = "", timeout: Seconds = None) -> list[client_pb2.Lease]:
        """Return the active leases of all pages; see ``leases``. The timeout is for the whole listing."""
        deadline = Deadline.of(timeout)
        pages = _listed(
            lambda token: self.leases(page_size=PAGE, page_token=token, selector=selector, timeout=deadline)
        )
        return [lease for page in pages for lease in page.leases]

    def create_lease(self, request: LeaseRequest) -> client_pb2.Lease:
        """Ask for a lease, and return it as it is then: mostly still without an exporter. It is never released here.

        Its name is chosen here unless the request has one, so that it can be found if the answer gets lost.
        """
        name, limit = request.name or uuid7(), Deadline(CALL_S)
        try:
            return self.try_create_lease(request, name, limit)
        except grpc.RpcError as error:
            if request.name is None and perhaps_done(error):
                made = self._found(name)
                if made is not None:
                    return made
            raise translate_control(error, f"a lease of {request}", self._connection.peer, limit) from error

    def _found(self, name: str) -> client_pb2.Lease | None:
        try:
            return self.lease(name)
        except InfrastructureError as error:
            logger.debug("lease %s is not there, as far as can be known: %s", name, error)
            return None

    def try_create_lease(self, request: LeaseRequest, name: str, timeout: Seconds = None) -> client_pb2.Lease:
        """Ask for a lease under a name of the caller's choice; whether it is granted shows later in its state.

        Raises:
            grpc.RpcError: The controller's status, unchanged: only the caller knows what a lost answer means.
        """
        lease = client_pb2.Lease(
            selector=request.selector or "",
            duration=_duration(request.duration),
            tags=dict(request.tags or {}),
            context=dict(request.context or {}),
            allow_disabled=request.allow_disabled,
        )
        if request.exporter:
            lease.exporter_name = request.exporter
        if request.begin is not None:
            lease.begin_time.CopyFrom(_timestamp(request.begin))
        message = client_pb2.CreateLeaseRequest(parent=self._parent, lease_id=name, lease=lease)
        stub = self._connection.clients.create_lease
        created: client_pb2.Lease = self._connection.raw_call(stub, message, timeout)
        return created

    def update_lease(
        self,
        name: str,
        *,
        duration: datetime.timedelta | None = None,
        begin: datetime.datetime | None = None,
        client: str | None = None,
        asked: str | None = None,
        timeout: Seconds = None,
    ) -> client_pb2.Lease:
        """Change a lease, and return it.

        Args:
            name: The lease.
            duration: Its new length, counted from its begin.
            begin: When it is to begin; only together with ``duration``, and before it has begun.
            client: Its new owner: a name, or a path with a namespace.
            asked: What is asked for, in words, for errors. Default: a change.
            timeout: Less than 10 seconds.

        Raises:
            UsageError: Nothing is to be changed.
        """
        request = client_pb2.UpdateLeaseRequest(lease=client_pb2.Lease(name=self._path("leases", name)))
        if duration is not None:
            request.lease.duration.CopyFrom(_duration(duration))
            request.update_mask.paths.append("duration")
        if begin is not None:
            request.lease.begin_time.CopyFrom(_timestamp(begin))
            request.update_mask.paths.append("begin_time")
        if client is not None:
            request.lease.client = client if "/" in client else self._path("clients", client)
            request.update_mask.paths.append("client")
        if not request.update_mask.paths:
            raise UsageError(f"Nothing of lease '{name}' is to be changed.", hint=Hint.SAY_WHAT_CHANGES)
        lease, stub = f"lease '{name}'", self._connection.clients.update_lease
        answer: client_pb2.Lease = self._connection.call(
            stub, request, asked or f"a change of {lease}", timeout, subject=lease
        )
        return answer

    def delete_lease(self, name: str, timeout: Seconds = None) -> None:
        """Ask for the end of a lease, of this process or another one."""
        lease, stub = f"lease '{name}'", self._connection.clients.delete_lease
        self._connection.call(stub, self._delete_request(name), f"the end of {lease}", timeout, subject=lease)

    def try_delete_lease(self, name: str, timeout: Seconds = None) -> None:
        """Ask for the end of a lease.

        Raises:
            grpc.RpcError: The controller's status, unchanged: only the caller knows what it means.
        """
        self._connection.raw_call(self._connection.clients.delete_lease, self._delete_request(name), timeout)

    def _delete_request(self, name: str) -> client_pb2.DeleteLeaseRequest:
        return client_pb2.DeleteLeaseRequest(name=self._path("leases", name))

    # The client itself

    def rotate_token(self) -> str:
        """Return a new token of this client; the old ones stay valid until their own ends."""
        request = client_pb2.RotateTokenRequest(parent=self._parent)
        token: str = self._connection.call(self._connection.clients.rotate_token, request, "a new token", None).token
        return token

    def _path(self, collection: str, name: str) -> str:
        return f"{self._parent}/{collection}/{name}"


def _listed(call: Callable[[str], Any]) -> list[Any]:
    """Return all pages of a listing.

    Args:
        call: Returns the page that begins at a token.
    """
    listing = Listing()
    while not listing.complete:
        with listing.next_page() as token:
            listing.pages.append(call(token))
    return listing.pages


def _duration(value: datetime.timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(value)
    return duration


def _timestamp(value: datetime.datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(value.astimezone(datetime.UTC).replace(tzinfo=None))
    return timestamp
