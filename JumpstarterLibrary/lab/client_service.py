"""ClientService: exporters and leases, as clients ask for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc

from JumpstarterLibrary.common.uuid7 import uuid7
from JumpstarterLibrary.lab import messages
from JumpstarterLibrary.lab.authentication import Authentication
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.identifiers import parse_name, parse_parent
from JumpstarterLibrary.lab.lease_request import check_schema, lease_selector, new_lease, validate_request
from JumpstarterLibrary.lab.lease_update import apply_update
from JumpstarterLibrary.lab.model import TAG_PREFIX, ExporterRecord, LeaseRecord
from JumpstarterLibrary.lab.pages import Pages
from JumpstarterLibrary.lab.reconcile import Reconciler
from JumpstarterLibrary.lab.refusal import Refusal, invalid, not_found, rpc
from JumpstarterLibrary.lab.selector import Selector, SelectorError, parse
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.lab.tokens import TOKEN_LIFE, TokenIssuer
from JumpstarterLibrary.protocol import client_pb2
from JumpstarterLibrary.protocol.wellknown import Empty

_Context = Any


class ClientService:
    """Answers the RPCs.

    Args:
        state: The controller's objects.
        clock: Lab time.
        authentication: Who calls.
        reconciler: Who has to know of changes.
        issuer: Mints tokens.
        features: What the controller can do.

    Attributes:
        pages: Its lists, whose tokens can be made to expire.
    """

    def __init__(
        self,
        state: ControllerState,
        clock: Clock,
        authentication: Authentication,
        reconciler: Reconciler,
        issuer: TokenIssuer,
        features: ControllerFeatures,
    ) -> None:
        self.pages = Pages(clock, features)
        self._state = state
        self._clock = clock
        self._authentication = authentication
        self._reconciler = reconciler
        self._issuer = issuer
        self._features = features

    # Exporters

    @rpc
    async def get_exporter(self, request: client_pb2.GetExporterRequest, context: _Context) -> client_pb2.Exporter:
        """Answer with one exporter."""
        namespace, name = parse_name(request.name, "exporters")
        self._authentication.client_in(context, namespace)
        exporter = self._state.exporters.get(name)
        if exporter is None:
            raise not_found("exporters", name)
        return self._exporter(exporter, request.show_hidden_labels)

    @rpc
    async def list_exporters(
        self, request: client_pb2.ListExportersRequest, context: _Context
    ) -> client_pb2.ListExportersResponse:
        """Answer with the exporters whose labels match."""
        self._authentication.client_in(context, parse_parent(request.parent))
        selector = _filter(request.filter)
        exporters = self._state.exporters
        page, token = self.pages.cut(
            exporters,
            (name for name, exporter in exporters.items() if selector.matches(exporter.labels)),
            request.page_size,
            request.page_token,
        )
        return client_pb2.ListExportersResponse(
            exporters=[self._exporter(exporter, request.show_hidden_labels) for exporter in page],
            next_page_token=token,
        )

    # Leases

    @rpc
    async def get_lease(self, request: client_pb2.GetLeaseRequest, context: _Context) -> client_pb2.Lease:
        """Answer with one lease, of any client."""
        namespace, name = parse_name(request.name, "leases")
        self._authentication.client_in(context, namespace)
        return self._message(self._lease(name))

    @rpc
    async def list_leases(
        self, request: client_pb2.ListLeasesRequest, context: _Context
    ) -> client_pb2.ListLeasesResponse:
        """Answer with the leases that match, of all clients."""
        namespace = parse_parent(request.parent)
        tags = _tag_filter(request.tag_filter)
        self._authentication.client_in(context, namespace)
        selector = _filter(request.filter)
        only_active = request.only_active if request.HasField("only_active") else True
        leases = self._state.leases
        names: Iterable[str] = self._state.open_leases if only_active else leases
        page, token = self.pages.cut(
            leases,
            (name for name in names if selector.matches(leases[name].labels) and tags.matches(leases[name].labels)),
            request.page_size,
            request.page_token,
        )
        return client_pb2.ListLeasesResponse(leases=[self._message(lease) for lease in page], next_page_token=token)

    @rpc
    async def create_lease(self, request: client_pb2.CreateLeaseRequest, context: _Context) -> client_pb2.Lease:
        """Store a lease and answer before an exporter is looked for."""
        if not request.HasField("lease"):
            raise invalid("lease is required")
        validate_request(request.lease, self._features.max_tags)
        client = self._authentication.client_in(context, parse_parent(request.parent))
        name = request.lease_id or uuid7()
        lease = new_lease(
            request.lease,
            namespace=client.namespace,
            name=name,
            client=client.name,
            selector=lease_selector(request.lease.selector),
            now=self._clock.now(),
        )
        if name in self._state.leases:
            raise Refusal(f'leases.jumpstarter.dev "{name}" already exists')
        check_schema(lease)
        answer = self._message(lease)
        self._reconciler.lease_added(lease)
        return answer

    @rpc
    async def update_lease(self, request: client_pb2.UpdateLeaseRequest, context: _Context) -> client_pb2.Lease:
        """Change times or owner of a lease. The update mask does not matter, only which fields are there."""
        namespace, name = parse_name(request.lease.name, "leases")
        client = self._authentication.client_in(context, namespace)
        lease = self._lease(name)
        if lease.client != client.name:
            raise Refusal("UpdateLease permission denied")
        apply_update(lease, request.lease, self._state)
        self._changed(lease)
        return self._message(lease)

    @rpc
    async def delete_lease(self, request: client_pb2.DeleteLeaseRequest, context: _Context) -> Empty:
        """Ask for the end of a lease, which follows a moment later. The object stays."""
        namespace, name = parse_name(request.name, "leases")
        client = self._authentication.client_in(context, namespace)
        lease = self._lease(name)
        if lease.client != client.name:
            raise Refusal("DeleteLease permission denied")
        if lease.release:
            raise Refusal(f"lease {name} has already been released", grpc.StatusCode.FAILED_PRECONDITION)
        lease.release = True
        self._changed(lease)
        return Empty()

    @rpc
    async def rotate_token(
        self, request: client_pb2.RotateTokenRequest, context: _Context
    ) -> client_pb2.RotateTokenResponse:
        """Answer with another token for the caller. Earlier ones stay valid."""
        client = self._authentication.client_in(context, parse_parent(request.parent))
        token = self._issuer.mint("client", client.namespace, client.name, client.uid)
        expiry = messages.timestamp(self._clock.now() + TOKEN_LIFE)
        return client_pb2.RotateTokenResponse(token=token, expiry=expiry)

    def _lease(self, name: str) -> LeaseRecord:
        lease = self._state.leases.get(name)
        if lease is None:
            raise not_found("leases", name)
        return lease

    def _changed(self, lease: LeaseRecord) -> None:
        lease.generation += 1
        self._reconciler.lease_changed(lease.name)
        if lease.exporter is not None:
            self._reconciler.exporter_changed(lease.exporter)

    def _message(self, lease: LeaseRecord) -> client_pb2.Lease:
        return messages.lease(lease, self._clock.now(), self._features)

    def _exporter(self, exporter: ExporterRecord, all_labels: bool) -> client_pb2.Exporter:
        return messages.exporter(exporter, self._features, all_labels=all_labels)


def _filter(text: str) -> Selector:
    try:
        return parse(text)
    except SelectorError as error:
        raise Refusal(str(error)) from error


def _tag_filter(text: str) -> Selector:
    try:
        return parse(text).with_prefix(TAG_PREFIX)
    except SelectorError as error:
        raise invalid(f"invalid tag filter: {error}") from error
