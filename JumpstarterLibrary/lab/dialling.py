"""Dial: whether a client may have a tunnel now, and through which router."""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import uuid4

import grpc

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.features import RouterEntry
from JumpstarterLibrary.lab.listening import Listeners
from JumpstarterLibrary.lab.model import ClientRecord, ExporterRecord, LeaseRecord
from JumpstarterLibrary.lab.refusal import Refusal, not_found
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.lab.tokens import RouterKey
from JumpstarterLibrary.protocol import common_pb2, jumpstarter_pb2

READY_DELAYS_S = (0.5, 1.0, 2.0, *([3.0] * 8))
"""Lab seconds between looks at an exporter that has not turned from Available to its lease yet; 27.5 in all."""

_OPEN = frozenset(
    {
        common_pb2.EXPORTER_STATUS_UNSPECIFIED,
        common_pb2.EXPORTER_STATUS_LEASE_READY,
        common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK,
        common_pb2.EXPORTER_STATUS_AFTER_LEASE_HOOK,
    }
)

_REFUSALS: dict[int, str] = {
    common_pb2.EXPORTER_STATUS_AVAILABLE: "exporter is not ready (status: Available)",
    common_pb2.EXPORTER_STATUS_OFFLINE: "exporter is offline",
    common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK_FAILED: "exporter beforeLease hook failed",
    common_pb2.EXPORTER_STATUS_AFTER_LEASE_HOOK_FAILED: "exporter afterLease hook failed",
}


class Dialling:
    """Makes tunnels: a token for the client, the same one for the exporter.

    Args:
        state: The controller's objects.
        clock: Lab time.
        listeners: The exporters that listen.
        key: The routers' secret.

    Attributes:
        routers: The routers to choose from. May be changed at any time.
    """

    def __init__(
        self, state: ControllerState, clock: Clock, listeners: Listeners, key: RouterKey, routers: Sequence[RouterEntry]
    ) -> None:
        self.routers = list(routers)
        self._state = state
        self._clock = clock
        self._listeners = listeners
        self._key = key

    async def dial(self, client: ClientRecord, name: str) -> jumpstarter_pb2.DialResponse:
        """Return where a client finds its tunnel. Whether the lease has ended does not matter.

        Args:
            client: Who dials.
            name: The lease.

        Raises:
            Refusal: It gets none now.
        """
        lease = self._lease(client, name)
        exporter = await self._ready_exporter(lease)
        router = self._router(exporter)
        token = self._key.mint(str(uuid4()), self._clock.now())
        self._listeners.tell(name, jumpstarter_pb2.ListenResponse(router_endpoint=router.endpoint, router_token=token))
        return jumpstarter_pb2.DialResponse(router_endpoint=router.endpoint, router_token=token)

    def _lease(self, client: ClientRecord, name: str) -> LeaseRecord:
        if not name:
            raise Refusal("empty lease name")
        lease = self._state.leases.get(name)
        if lease is None:
            raise not_found("leases", name)
        if lease.client != client.name:
            raise Refusal("permission denied")
        if lease.exporter is None:
            raise Refusal("lease not active")
        return lease

    async def _ready_exporter(self, lease: LeaseRecord) -> ExporterRecord:
        for delay in READY_DELAYS_S:
            if self._exporter(lease).status != common_pb2.EXPORTER_STATUS_AVAILABLE:
                break
            await self._clock.sleep(delay)
        exporter = self._exporter(lease)
        if exporter.status not in _OPEN:
            details = _REFUSALS.get(exporter.status, f"exporter not ready (status: {exporter.status})")
            raise Refusal(details, grpc.StatusCode.FAILED_PRECONDITION)
        return exporter

    def _exporter(self, lease: LeaseRecord) -> ExporterRecord:
        name = lease.exporter or ""
        exporter = self._state.exporters.get(name)
        if exporter is None:
            raise not_found("exporters", name)
        return exporter

    def _router(self, exporter: ExporterRecord) -> RouterEntry:
        if not self.routers:
            raise Refusal("no router available")
        ranks = [router.rank(exporter.labels) for router in self.routers]
        best = max(ranks)
        return random.choice([router for router, rank in zip(self.routers, ranks, strict=True) if rank == best])
