"""The client service call by call, with whole answers: for those who hand on more than a ``LeaseState`` has."""

from __future__ import annotations

import datetime
import logging
from typing import Any

import grpc

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.leasing.controller import (
    CALL_S,
    Controller,
    LeaseRequest,
    duration_message,
    timestamp_message,
)
from JumpstarterLibrary.client.leasing.refusals import perhaps_done, translate_control
from JumpstarterLibrary.common.uuid7 import uuid7
from JumpstarterLibrary.errors import InfrastructureError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.protocol import client_pb2

logger = logging.getLogger(__name__)


class ControllerCalls:
    """One method for each call of the client service. Each takes 10 seconds at most, and may be made in any thread.

    All of them raise a `LeaseError` where the controller refuses, and a `LinkError` where it cannot be reached or does
    not accept this client.

    Args:
        controller: The connection.
        namespace: The namespace of what is asked for. Default: the client's own.
    """

    def __init__(self, controller: Controller, namespace: str | None = None) -> None:
        self._controller = controller
        self._parent = f"namespaces/{controller.namespace if namespace is None else namespace}"

    # Exporters

    def exporter(self, name: str, *, hidden: bool = False, timeout: Seconds = None) -> client_pb2.Exporter:
        """Return one exporter.

        Args:
            name: Its name.
            hidden: Return also the labels that the administrator has hidden.
            timeout: Less than 10 seconds.
        """
        request = client_pb2.GetExporterRequest(name=self._path("exporters", name), show_hidden_labels=hidden)
        answer: client_pb2.Exporter = self._controller.call(
            self._controller.clients.get_exporter, request, f"exporter '{name}'", timeout
        )
        return answer

    def exporters(
        self, *, page_size: int = 0, page_token: str = "", selector: str = "", hidden: bool = False
    ) -> client_pb2.ListExportersResponse:
        """Return one page of the exporters, in the order of their names.

        Args:
            page_size: How many at most; 0 for all.
            page_token: Where the page before said that this one begins.
            selector: Label expression of exporters.
            hidden: Return also the labels that the administrator has hidden.
        """
        request = client_pb2.ListExportersRequest(
            parent=self._parent,
            page_size=page_size,
            page_token=page_token,
            filter=selector,
            show_hidden_labels=hidden,
        )
        asked = f"the exporters of '{selector}'" if selector else "all exporters"
        answer: client_pb2.ListExportersResponse = self._controller.call(
            self._controller.clients.list_exporters, request, asked, None
        )
        return answer

    # Leases

    def lease(self, name: str, timeout: Seconds = None) -> client_pb2.Lease:
        """Return one lease, whether it lasts or has ended."""
        request = client_pb2.GetLeaseRequest(name=self._path("leases", name))
        answer: client_pb2.Lease = self._controller.call(
            self._controller.clients.get_lease, request, f"lease '{name}'", timeout
        )
        return answer

    def leases(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        selector: str = "",
        only_active: bool = True,
        tag_filter: str = "",
    ) -> client_pb2.ListLeasesResponse:
        """Return one page of the leases of all clients, in the order of their names.

        Args:
            page_size: How many at most; 0 for all.
            page_token: Where the page before said that this one begins.
            selector: The equality part of a selector; leases are found by what they were asked for with.
            only_active: Leave out those that have ended.
            tag_filter: Label expression of tags.
        """
        request = client_pb2.ListLeasesRequest(
            parent=self._parent,
            page_size=page_size,
            page_token=page_token,
            filter=selector,
            only_active=only_active,
            tag_filter=tag_filter,
        )
        answer: client_pb2.ListLeasesResponse = self._controller.call(
            self._controller.clients.list_leases, request, "the leases", None
        )
        return answer

    def create_lease(self, request: LeaseRequest) -> client_pb2.Lease:
        """Ask for a lease, and return it as it is then: mostly still without an exporter. It is never released here.

        Its name is chosen here unless the request has one, so that it can be found if the answer gets lost.
        """
        name, limit = request.name or uuid7(), Deadline(CALL_S)
        try:
            return self._controller.create_lease(request, name, limit)
        except grpc.RpcError as error:
            if request.name is None and perhaps_done(error):
                made = self._found(name)
                if made is not None:
                    return made
            raise translate_control(error, f"a lease of {request}", self._controller.peer, limit) from error

    def _found(self, name: str) -> client_pb2.Lease | None:
        try:
            return self.lease(name)
        except InfrastructureError as error:
            logger.debug("lease %s is not there, as far as can be known: %s", name, error)
            return None

    def update_lease(
        self,
        name: str,
        *,
        duration: datetime.timedelta | None = None,
        begin: datetime.datetime | None = None,
        client: str | None = None,
    ) -> client_pb2.Lease:
        """Change a lease, and return it.

        Args:
            name: The lease.
            duration: Its new length, counted from its begin.
            begin: When it is to begin; only together with ``duration``, and before it has begun.
            client: Its new owner: a name, or a path with a namespace.

        Raises:
            UsageError: Nothing is to be changed.
        """
        lease = client_pb2.Lease(name=self._path("leases", name))
        request = client_pb2.UpdateLeaseRequest(lease=lease)
        if duration is not None:
            request.lease.duration.CopyFrom(duration_message(duration))
            request.update_mask.paths.append("duration")
        if begin is not None:
            request.lease.begin_time.CopyFrom(timestamp_message(begin))
            request.update_mask.paths.append("begin_time")
        if client is not None:
            request.lease.client = client if "/" in client else self._path("clients", client)
            request.update_mask.paths.append("client")
        if not request.update_mask.paths:
            raise UsageError(f"Nothing of lease '{name}' is to be changed.", hint=Hint.SAY_WHAT_CHANGES)
        answer: client_pb2.Lease = self._do(self._controller.clients.update_lease, request, "a change", name)
        return answer

    def delete_lease(self, name: str) -> None:
        """Ask for the end of a lease, of this process or another one."""
        request = client_pb2.DeleteLeaseRequest(name=self._path("leases", name))
        self._do(self._controller.clients.delete_lease, request, "the end", name)

    def _do(self, method: Any, request: Any, what: str, name: str) -> Any:
        lease = f"lease '{name}'"
        return self._controller.call(method, request, f"{what} of {lease}", None, subject=lease)

    # The client itself

    def rotate_token(self) -> str:
        """Return a new token of this client; the old ones stay valid until their own ends."""
        request = client_pb2.RotateTokenRequest(parent=self._parent)
        token: str = self._controller.call(self._controller.clients.rotate_token, request, "a new token", None).token
        return token

    def _path(self, collection: str, name: str) -> str:
        return f"{self._parent}/{collection}/{name}"
