"""The streams that exporters listen to: the state of their lease, and the tunnels that clients ask for."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import grpc

from JumpstarterLibrary.lab.model import ExporterRecord
from JumpstarterLibrary.lab.refusal import Refusal, not_found
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.protocol import jumpstarter_pb2

LISTEN_LIMIT = 8
"""Tunnels that wait for an exporter to take them."""

STATUS_LIMIT = 64
"""Status messages that wait for a slow exporter; then the oldest are dropped."""


class ListenQueue:
    """The tunnels that one Listen call has yet to tell of."""

    def __init__(self) -> None:
        self._waiting: deque[jumpstarter_pb2.ListenResponse] = deque()
        self._wake = asyncio.Event()
        self._over = False

    def put(self, answer: jumpstarter_pb2.ListenResponse) -> bool:
        """Add a tunnel. Return False if there is no room for it."""
        if len(self._waiting) >= LISTEN_LIMIT:
            return False
        self._waiting.append(answer)
        self._wake.set()
        return True

    def end(self) -> None:
        """Take nothing more. What is there is still told."""
        self._over = True
        self._wake.set()

    async def next(self) -> jumpstarter_pb2.ListenResponse | None:
        """Return the next tunnel, when there is one; None at the end."""
        while not self._waiting:
            if self._over:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()


class Listeners:
    """The queue of each lease: that of the latest Listen call for it."""

    def __init__(self) -> None:
        self._queues: dict[str, ListenQueue] = {}

    def open(self, lease: str) -> ListenQueue:
        """Return a new queue, in place of the one that was there before."""
        before = self._queues.get(lease)
        if before is not None:
            before.end()
        queue = self._queues[lease] = ListenQueue()
        return queue

    def close(self, lease: str, queue: ListenQueue) -> None:
        """Take a queue away, unless another one has taken its place."""
        if self._queues.get(lease) is queue:
            del self._queues[lease]

    def tell(self, lease: str, answer: jumpstarter_pb2.ListenResponse) -> None:
        """Tell the exporter that listens for a lease of a tunnel.

        Raises:
            Refusal: UNAVAILABLE; no exporter listens. RESOURCE_EXHAUSTED; too many tunnels wait already.
        """
        queue = self._queues.get(lease)
        if queue is None:
            raise Refusal(f"exporter is not listening on lease {lease}", grpc.StatusCode.UNAVAILABLE)
        if not queue.put(answer):
            raise Refusal(f"listener buffer full on lease {lease}", grpc.StatusCode.RESOURCE_EXHAUSTED)


class StatusWatch:
    """The states that one Status call has yet to send: each once, in their order."""

    def __init__(self) -> None:
        self._waiting: deque[Any] = deque(maxlen=STATUS_LIMIT)
        self._latest: jumpstarter_pb2.StatusResponse | None = None
        self._wake = asyncio.Event()

    def put(self, answer: jumpstarter_pb2.StatusResponse) -> None:
        """Add a state, unless it is the latest one already."""
        if answer != self._latest:
            self._latest = answer
            self._waiting.append(answer)
            self._wake.set()

    def fail(self, refusal: Refusal) -> None:
        """End the call with an error, after all that waits."""
        self._waiting.append(refusal)
        self._wake.set()

    async def next(self) -> jumpstarter_pb2.StatusResponse:
        """Return the next state, when there is one.

        Raises:
            Refusal: The call has to end.
        """
        while not self._waiting:
            self._wake.clear()
            await self._wake.wait()
        answer: jumpstarter_pb2.StatusResponse | Refusal = self._waiting.popleft()
        if isinstance(answer, Refusal):
            raise answer
        return answer


class StatusWatches:
    """All Status calls, by exporter.

    Args:
        state: The controller's objects.
    """

    def __init__(self, state: ControllerState) -> None:
        self._state = state
        self._watches: dict[str, set[StatusWatch]] = {}

    def open(self, exporter: ExporterRecord) -> StatusWatch:
        """Return a new watch, which begins with the present state."""
        watch = StatusWatch()
        watch.put(self._answer(exporter))
        self._watches.setdefault(exporter.name, set()).add(watch)
        return watch

    def close(self, name: str, watch: StatusWatch) -> None:
        """Take a watch away."""
        watches = self._watches.get(name, set())
        watches.discard(watch)
        if not watches:
            self._watches.pop(name, None)

    def changed(self, name: str) -> None:
        """Send an exporter's present state to its watches, if that is new."""
        watches = self._watches.get(name)
        exporter = self._state.exporters.get(name)
        if watches and exporter is not None:
            answer = self._answer(exporter)
            for watch in watches:
                watch.put(answer)

    def removed(self, name: str) -> None:
        """End the calls of an exporter that was deleted."""
        for watch in self._watches.get(name, ()):
            watch.fail(not_found("exporters", name))

    def _answer(self, exporter: ExporterRecord) -> jumpstarter_pb2.StatusResponse:
        lease = self._state.leases.get(exporter.lease or "")
        if lease is None:
            return jumpstarter_pb2.StatusResponse(leased=False)
        return jumpstarter_pb2.StatusResponse(
            leased=True, lease_name=lease.name, client_name=lease.client, context=lease.context
        )
