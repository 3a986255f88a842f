"""ControllerService: what exporters ask for and report, and the clients' Dial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from JumpstarterLibrary.lab.authentication import Authentication, kind_of
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.dialling import Dialling
from JumpstarterLibrary.lab.features import ControllerFeatures, RouterEntry
from JumpstarterLibrary.lab.journal import Journal
from JumpstarterLibrary.lab.legacy_leases import LegacyLeases
from JumpstarterLibrary.lab.listening import Listeners, StatusWatches
from JumpstarterLibrary.lab.model import NO_STATUS, OFFLINE, RESERVED_PREFIX, DriverReport, ExporterRecord, LeaseRecord
from JumpstarterLibrary.lab.reconcile import Reconciler
from JumpstarterLibrary.lab.refusal import Refusal, not_found, rpc
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.lab.tokens import RouterKey
from JumpstarterLibrary.protocol import jumpstarter_pb2

HEARTBEAT_S = 10.0
"""Lab seconds between the signs of life that an open Status stream stands for."""

STATUS_STREAMS = "controller streams"
LISTENS = "listens"

_Context = Any


class ControllerService:
    """Answers the RPCs.

    Args:
        state: The controller's objects.
        clock: Lab time.
        authentication: Who calls.
        reconciler: Who has to know of changes.
        journal: Counts the open streams.
        features: What the controller can do.
        key: The routers' secret.
        routers: The routers.

    Attributes:
        watches: The Status calls.
        dialling: Dial.
    """

    def __init__(
        self,
        state: ControllerState,
        clock: Clock,
        authentication: Authentication,
        reconciler: Reconciler,
        journal: Journal,
        features: ControllerFeatures,
        key: RouterKey,
        routers: Sequence[RouterEntry],
    ) -> None:
        self._state = state
        self._clock = clock
        self._authentication = authentication
        self._reconciler = reconciler
        self._journal = journal
        self._listeners = Listeners()
        self.watches = StatusWatches(state)
        self.dialling = Dialling(state, clock, self._listeners, key, routers)
        reconciler.on_exporter = self.watches.changed
        reconciler.on_removed = self.watches.removed
        legacy = LegacyLeases(state, clock, authentication, reconciler)
        self.get_lease, self.request_lease, self.list_leases = (
            legacy.get_lease,
            legacy.request_lease,
            legacy.list_leases,
        )
        # An RPC without a method answers UNIMPLEMENTED, as an older controller does.
        self.report_status = self._report_status if features.report_status else None
        self.get_service_endpoints = self._get_service_endpoints if features.service_endpoints else None

    @rpc
    async def register(
        self, request: jumpstarter_pb2.RegisterRequest, context: _Context
    ) -> jumpstarter_pb2.RegisterResponse:
        """Take in an exporter's drivers, and those of its labels that belong to the service."""
        exporter = self._authentication.exporter(context)
        kept = {key: value for key, value in exporter.labels.items() if not key.startswith(RESERVED_PREFIX)}
        own = {key: value for key, value in request.labels.items() if key.startswith(RESERVED_PREFIX)}
        self._state.relabel(exporter, {**kept, **own})
        exporter.devices = [
            DriverReport(
                report.uuid,
                report.parent_uuid if report.HasField("parent_uuid") else None,
                dict(report.labels),
            )
            for report in request.reports
        ]
        self._reconciler.exporter_changed(exporter.name)
        return jumpstarter_pb2.RegisterResponse(uuid=exporter.uid)

    @rpc
    async def unregister(
        self, request: jumpstarter_pb2.UnregisterRequest, context: _Context
    ) -> jumpstarter_pb2.UnregisterResponse:
        """Let an exporter go. Its lease goes on."""
        exporter = self._authentication.exporter(context)
        exporter.devices = []
        exporter.status, exporter.status_message = OFFLINE, request.reason
        self._reconciler.exporter_changed(exporter.name)
        return jumpstarter_pb2.UnregisterResponse()

    @rpc
    async def _report_status(
        self, request: jumpstarter_pb2.ReportStatusRequest, context: _Context
    ) -> jumpstarter_pb2.ReportStatusResponse:
        """Take in what an exporter does now."""
        exporter = self._authentication.exporter(context)
        exporter.status, exporter.status_message = request.status, request.message
        exporter.last_seen = self._clock.seconds()
        if request.release_lease and exporter.name in self._state.held:
            self._release(self._state.leases[self._state.held[exporter.name]])
        self._reconciler.exporter_changed(exporter.name)
        return jumpstarter_pb2.ReportStatusResponse()

    @rpc
    async def _get_service_endpoints(
        self, _request: jumpstarter_pb2.GetServiceEndpointsRequest, context: _Context
    ) -> jumpstarter_pb2.GetServiceEndpointsResponse:
        """Answer that there is no telemetry."""
        self._authentication.exporter(context)
        return jumpstarter_pb2.GetServiceEndpointsResponse()

    @rpc
    async def status(self, _request: jumpstarter_pb2.StatusRequest, context: _Context) -> None:
        """Tell an exporter of its lease: the present state, then each change."""
        exporter = self._authentication.exporter(context)
        if exporter.status == OFFLINE:
            exporter.status, exporter.status_message = NO_STATUS, ""
        with self._journal.opened(STATUS_STREAMS), self._alive(exporter):
            watch = self.watches.open(exporter)
            try:
                while True:
                    await context.write(await watch.next())
            finally:
                self.watches.close(exporter.name, watch)

    @contextmanager
    def _alive(self, exporter: ExporterRecord) -> Iterator[None]:
        """Count an open stream as a sign of life every ten seconds, without a timer for each exporter."""
        began = self._clock.seconds()
        exporter.open_streams += 1
        self._reconciler.exporter_changed(exporter.name)
        try:
            yield
        finally:
            exporter.open_streams -= 1
            beats = math.floor((self._clock.seconds() - began) / HEARTBEAT_S)
            exporter.last_seen = max(exporter.last_seen or 0.0, began + beats * HEARTBEAT_S)
            self._reconciler.exporter_changed(exporter.name)

    @rpc
    async def listen(self, request: jumpstarter_pb2.ListenRequest, context: _Context) -> None:
        """Tell an exporter of the tunnels that its client asks for, until it listens anew."""
        exporter = self._authentication.exporter(context)
        name = request.lease_name
        if not name:
            raise Refusal("empty lease name")
        lease = self._state.leases.get(name)
        if lease is None:
            raise not_found("leases", name)
        if lease.exporter != exporter.name:
            raise Refusal("permission denied")
        queue = self._listeners.open(name)
        try:
            with self._journal.opened(LISTENS):
                while (answer := await queue.next()) is not None:
                    await context.write(answer)
        finally:
            self._listeners.close(name, queue)

    @rpc
    async def dial(self, request: jumpstarter_pb2.DialRequest, context: _Context) -> jumpstarter_pb2.DialResponse:
        """Give a client, and the exporter that it has leased, the two ends of a tunnel."""
        client = self._authentication.client(context)
        return await self.dialling.dial(client, request.lease_name)

    @rpc
    async def release_lease(
        self, request: jumpstarter_pb2.ReleaseLeaseRequest, context: _Context
    ) -> jumpstarter_pb2.ReleaseLeaseResponse:
        """End a lease, for the exporter that it is on or, in the legacy way, for its client."""
        name = request.name
        if kind_of(context) == "Client":
            client = self._authentication.client(context)
            lease = self._state.leases.get(name)
            if lease is None:
                raise not_found("leases", name)
            if lease.client != client.name:
                raise Refusal("permission denied")
        else:
            exporter = self._authentication.exporter(context)
            lease = self._state.leases.get(name)
            if lease is None:
                raise Refusal(f"lease {name} not found", grpc.StatusCode.NOT_FOUND)
            if lease.exporter != exporter.name:
                raise Refusal(
                    f"lease {name} is not held by exporter {exporter.name}", grpc.StatusCode.FAILED_PRECONDITION
                )
        self._release(lease)
        return jumpstarter_pb2.ReleaseLeaseResponse()

    def _release(self, lease: LeaseRecord) -> None:
        lease.release = True
        self._reconciler.lease_changed(lease.name)
