"""The lease RPCs of ControllerService, which clients used before there was a ClientService."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from JumpstarterLibrary.common.uuid7 import uuid7
from JumpstarterLibrary.lab import messages
from JumpstarterLibrary.lab.authentication import Authentication
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.lease_request import check_schema
from JumpstarterLibrary.lab.model import LeaseRecord
from JumpstarterLibrary.lab.reconcile import Reconciler
from JumpstarterLibrary.lab.refusal import Refusal, not_found, rpc
from JumpstarterLibrary.lab.selector import Requirement, Selector
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.protocol import jumpstarter_pb2, kubernetes_pb2

_Context = Any

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


class LegacyLeases:
    """Answers GetLease, RequestLease and ListLeases of ControllerService.

    Args:
        state: The controller's objects.
        clock: Lab time.
        authentication: Who calls.
        reconciler: Who has to know of new leases.
    """

    def __init__(
        self, state: ControllerState, clock: Clock, authentication: Authentication, reconciler: Reconciler
    ) -> None:
        self._state = state
        self._clock = clock
        self._authentication = authentication
        self._reconciler = reconciler

    @rpc
    async def get_lease(
        self, request: jumpstarter_pb2.GetLeaseRequest, context: _Context
    ) -> jumpstarter_pb2.GetLeaseResponse:
        """Answer with one of the caller's leases."""
        client = self._authentication.client(context)
        lease = self._state.leases.get(request.name)
        if lease is None:
            raise not_found("leases", request.name)
        if lease.client != client.name:
            raise Refusal("permission denied")
        return self._answer(lease)

    @rpc
    async def request_lease(
        self, request: jumpstarter_pb2.RequestLeaseRequest, context: _Context
    ) -> jumpstarter_pb2.RequestLeaseResponse:
        """Store a lease. One without a duration is accepted, and over as soon as it begins."""
        client = self._authentication.client(context)
        selector = Selector(tuple(_requirements(request.selector)))
        lease = LeaseRecord(
            namespace=client.namespace,
            name=uuid7(),
            client=client.name,
            created=self._clock.now(),
            selector=selector,
            duration=request.duration.ToTimedelta() if request.HasField("duration") else None,
            labels=selector.equalities,
        )
        check_schema(lease)
        self._reconciler.lease_added(lease)
        return jumpstarter_pb2.RequestLeaseResponse(name=lease.name)

    @rpc
    async def list_leases(
        self, _request: jumpstarter_pb2.ListLeasesRequest, context: _Context
    ) -> jumpstarter_pb2.ListLeasesResponse:
        """Answer with the names of the caller's leases that have not ended."""
        client = self._authentication.client(context)
        names = sorted(name for name in self._state.open_leases if self._state.leases[name].client == client.name)
        return jumpstarter_pb2.ListLeasesResponse(names=names)

    def _answer(self, lease: LeaseRecord) -> jumpstarter_pb2.GetLeaseResponse:
        answer = jumpstarter_pb2.GetLeaseResponse(
            selector=_label_selector(lease.selector),
            conditions=[messages.condition(condition) for condition in lease.conditions],
        )
        if lease.duration is not None:
            answer.duration.CopyFrom(messages.duration(lease.duration))
        if lease.effective_begin is not None:
            answer.begin_time.CopyFrom(messages.timestamp(lease.effective_begin))
            if lease.effective_end is not None:
                answer.end_time.CopyFrom(messages.timestamp(lease.effective_end))
        exporter = self._state.exporters.get(lease.exporter or "")
        if exporter is not None:
            answer.exporter_uuid = exporter.uid
        return answer


def _requirements(selector: kubernetes_pb2.LabelSelector) -> Iterator[Requirement]:
    for key, value in selector.match_labels.items():
        yield Requirement(key, "=", (value,))
    for one in selector.match_expressions:
        if one.operator not in _OPERATORS:
            raise Refusal(f'"{one.operator}" is not a valid label selector operator')
        yield Requirement(one.key, _OPERATORS[one.operator], tuple(one.values))


def _label_selector(selector: Selector) -> kubernetes_pb2.LabelSelector:
    names = {operator: name for name, operator in _OPERATORS.items()}
    return kubernetes_pb2.LabelSelector(
        match_labels=selector.equalities,
        match_expressions=[
            kubernetes_pb2.LabelSelectorRequirement(
                key=one.key, operator=names[one.operator], values=sorted(one.values)
            )
            for one in selector.requirements
            if one.operator != "="
        ],
    )
