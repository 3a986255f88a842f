"""`Lease`: the right to use an exporter, from ``with`` to the end of its block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from JumpstarterLibrary.client.leasing import LeaseRequest
from JumpstarterLibrary.errors import InfrastructureError, LeaseTransferred, UsageError
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.factory import Allow, build_clients
from pytest_jumpstarter.upstream_api.config.active_lease import ActiveLease, acquire_or_join
from pytest_jumpstarter.upstream_api.config.channel import controller_of
from pytest_jumpstarter.upstream_api.config.direct import DirectLease
from pytest_jumpstarter.upstream_api.config.error_mapping import controller_calls
from pytest_jumpstarter.upstream_api.config.exceptions import LeaseError
from pytest_jumpstarter.upstream_api.config.lease_monitor import NOW, LeaseMonitor
from pytest_jumpstarter.upstream_api.config.lease_notices import logger
from pytest_jumpstarter.upstream_api.config.records import ClientService
from pytest_jumpstarter.upstream_api.config.records import Lease as LeaseRecord
from pytest_jumpstarter.upstream_api.config.sections import DIAL_S, TLSConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.spinner import LeaseAcquisitionSpinner
from pytest_jumpstarter.upstream_api.config.threads import Tick, entered, shielded, stoppable

__all__ = ["ClientService", "DirectLease", "Lease", "LeaseAcquisitionSpinner", "LeaseError"]

THRESHOLD = timedelta(minutes=5)

Ending = Callable[["Lease", timedelta], object]


def _no_tick() -> None:
    """Do nothing while the caller waits."""


@dataclass(kw_only=True, eq=False)
class Lease:
    """A lease; ``with config.lease(...)`` makes one.

    ::

        with config.lease(selector="board=rpi4") as lease, lease.connect() as client:
            client.power.on()

    Entered, it has an exporter; left, it is released, if it was acquired here.

    Attributes:
        channel: The connection to the controller; see ``ClientConfigV1Alpha1.channel``.
        duration: How long it lasts.
        selector: Label expression of the exporter; None if it is asked for by name.
        requested_exporter_name: The exporter's name.
        portal: Not needed; upstream's users hand one over.
        namespace: The client's namespace.
        name: The lease's name. Given, it is a lease that is there already; otherwise there is one as soon as it is
            acquired.
        tags: Up to 10 tags of a new lease.
        allow: Patterns of client classes that may be imported.
        unsafe: Whether all of them may.
        release: Whether it is released when it is left; may be changed before that.
        tls_config: Kept, and not used: the channel has it.
        grpc_options: Kept, and not used: the channel has them.
        client_name: Kept, and not used: the channel has it.
        acquisition_timeout: Seconds to wait for an exporter, and for it to be ready. Default: 2 hours.
        dial_timeout: Seconds that a connection through ``serve_unix`` may take. Default: 30.
        retry_timeout: Kept, and not used: the channel has it.
        exporter_name: The exporter that it has; ``remote`` while it has none.
        exporter_labels: That exporter's labels.
        lease_ending_callback: Called by ``monitor`` with the lease and the time that is left.
        lease_ended: Whether its time is over, or another process has released it.
        lease_transferred: Whether it belongs to another client now.
    """

    channel: Any = field(repr=False)
    duration: timedelta
    selector: str | None
    requested_exporter_name: str | None = None
    portal: Any = field(default=None, repr=False)
    namespace: str | None
    name: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    allow: list[str]
    unsafe: bool
    release: bool = True
    tls_config: TLSConfigV1Alpha1 = field(default_factory=TLSConfigV1Alpha1, repr=False)
    grpc_options: Mapping[str, Any] | None = field(default_factory=dict, repr=False)
    client_name: str | None = None
    acquisition_timeout: float = 7200
    dial_timeout: float = DIAL_S
    retry_timeout: float = 300.0

    exporter_name: str = field(default="remote", init=False)
    exporter_labels: dict[str, str] = field(default_factory=dict, init=False)
    lease_ending_callback: Ending | None = field(default=None, init=False, repr=False)
    lease_ended: bool = field(default=False, init=False)
    lease_transferred: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._holding: ActiveLease | None = None
        self._leaving = False

    # From begin to end

    def request(self) -> Self:
        """Acquire the lease, or wait for the one that ``name`` names; return it when it has an exporter.

        Raises:
            LeaseError: No exporter became free in time, none fits, or the lease is over or another client's.
            ConnectionError: The controller refuses the request, cannot be reached or does not accept this client.
        """
        try:
            return self._request(_no_tick)
        except BaseException:
            # The lease may exist although the request was interrupted.
            self._leave()
            raise

    async def request_async(self) -> Self:
        """Acquire the lease as ``request`` does, from a coroutine. If that is cancelled, the request is taken back."""
        try:
            return await stoppable(self._request)
        except BaseException:
            # The lease may exist although the request was cancelled.
            await shielded(self._leave)
            raise

    def _request(self, tick: Tick) -> Self:
        request = LeaseRequest(
            selector=self.selector,
            exporter=self.requested_exporter_name,
            duration=self.duration,
            tags=self.tags,
            name=self.name or None,
        )
        with controller_calls(None):
            controller = controller_of(self.channel)
            holding = acquire_or_join(controller, request, self.acquisition_timeout, release=self.release, tick=tick)
        self._holding, self._leaving = holding, False
        if holding.lease.name != self.name:
            self.name, self.release = holding.lease.name, True
        self.exporter_name = holding.lease.exporter
        holding.lease.on_end(self._note_end)
        if holding.lease.ended is not None:
            self._note_end()
        self.exporter_labels = {}
        try:
            self.exporter_labels = controller.exporter(self.exporter_name).labels
        except InfrastructureError as error:
            logger.warning("The labels of exporter %s are not known: %s", self.exporter_name, error)
        return self

    def _note_end(self) -> None:
        ended = self._held().lease.ended
        if isinstance(ended, LeaseTransferred):
            self.lease_transferred = True
        elif not self._leaving:
            self.lease_ended = True

    def _leave(self) -> None:
        holding, self._leaving = self._holding, True
        if holding is not None:
            holding.close(release=self.release)

    def __enter__(self) -> Self:
        return self.request()

    def __exit__(self, *_: object) -> None:
        self._leave()

    async def __aenter__(self) -> Self:
        return await self.request_async()

    async def __aexit__(self, *_: object) -> None:
        await shielded(self._leave)

    def _held(self) -> ActiveLease:
        if self._holding is None:
            raise UsageError("The lease has no exporter yet. Use it in a `with` block, or call request() first.")
        return self._holding

    # Connections

    @contextmanager
    def connect(self) -> Iterator[DriverClient]:
        """Connect to the exporter for the length of a block; yield the client of its root driver when it is ready.

        Raises:
            ExporterUnreachableError: The exporter cannot be connected to.
            LeaseError: The lease has ended.
        """
        with self._connected(_no_tick) as client:
            yield client

    @contextmanager
    def _connected(self, tick: Tick) -> Iterator[DriverClient]:
        with self._held().connected(tick, self.acquisition_timeout) as device:
            yield build_clients(device, Allow(tuple(self.allow), self.unsafe))

    @asynccontextmanager
    async def connect_async(self, stack: Any = None) -> AsyncIterator[DriverClient]:  # noqa: ARG002 - upstream's
        """Connect to the exporter as ``connect`` does, from a coroutine. ``stack`` is not needed."""
        async with entered(self._connected) as client:
            yield client

    @contextmanager
    def serve_unix(self) -> Iterator[Path]:
        """Listen on a private socket for the length of a block, and yield its path; each connection is to the exporter.

        It is what ``JUMPSTARTER_HOST`` can name, for programs that use the exporter beside this one.

        Raises:
            LeaseError: The lease has ended.
        """
        with self._held().served(self.dial_timeout) as path:
            yield path

    @asynccontextmanager
    async def serve_unix_async(self) -> AsyncIterator[Path]:
        """Listen on a private socket as ``serve_unix`` does, from a coroutine."""
        with self.serve_unix() as path:
            yield path

    # Its time

    @contextmanager
    def monitor(self, threshold: timedelta = THRESHOLD) -> Iterator[None]:
        """Log for the length of a block when the lease is about to end, and when it has ended.

        ``lease_ending_callback`` is called with the lease and the time that is left, from another thread: once when
        that is as little as the threshold, and with zero at the end.

        Args:
            threshold: How long before the end it is told. Default: 5 minutes.
        """
        with LeaseMonitor(self._held().lease, threshold, self._notify_lease_ending):
            yield

    @asynccontextmanager
    async def monitor_async(self, threshold: timedelta = THRESHOLD) -> AsyncIterator[None]:
        """Log the end as ``monitor`` does, from a coroutine; ``lease_ending_callback`` is called in its event loop."""
        loop = asyncio.get_running_loop()

        def ending(left: timedelta) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._notify_lease_ending, left)

        with LeaseMonitor(self._held().lease, threshold, ending):
            yield

    def _notify_lease_ending(self, remaining: timedelta) -> None:
        if remaining <= NOW:
            self.lease_ended = True
            logger.info("Lease %s has ended.", self.name)
        else:
            logger.info("Lease %s ends in %s, at %s.", self.name, _rounded(remaining), _clock(remaining))
        if self.lease_ending_callback is not None:
            self.lease_ending_callback(self, remaining)

    # The controller's word

    async def get(self) -> LeaseRecord:
        """Return what the controller says of the lease."""
        return await ClientService(channel=self.channel, namespace=self.namespace).GetLease(name=self.name or "")

    def refresh_channel(self, channel: Any) -> None:
        """Go on with another connection to the controller, for example one with a new token.

        Args:
            channel: See ``ClientConfigV1Alpha1.channel``. The one before is not closed.
        """
        self.channel = channel
        if self._holding is not None:
            self._holding.lease.controller = controller_of(channel)


def _rounded(left: timedelta) -> timedelta:
    return timedelta(seconds=round(left.total_seconds()))


def _clock(left: timedelta) -> str:
    return (datetime.now() + left).strftime("%H:%M:%S")
