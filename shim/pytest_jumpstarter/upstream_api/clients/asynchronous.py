"""The methods of clients for coroutines. Only their callers need anyio."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from JumpstarterLibrary.errors import DriverError, ExporterNotReady, LinkError, OperationTimeout, UsageError
from pytest_jumpstarter.upstream_api.clients.driver_handle import device_of, proxy_of
from pytest_jumpstarter.upstream_api.clients.logs import logged
from pytest_jumpstarter.upstream_api.clients.optional import needed
from pytest_jumpstarter.upstream_api.clients.status import POLL_S, StatusMonitor, monitored, status_of, wait_for
from pytest_jumpstarter.upstream_api.clients.trouble import also_as, as_driver_error
from pytest_jumpstarter.upstream_api.config.threads import entered
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

logger = logging.getLogger(__name__)

_CALLABLE = (ExporterStatus.LEASE_READY, ExporterStatus.BEFORE_LEASE_HOOK, ExporterStatus.AFTER_LEASE_HOOK)


def _coroutines() -> Any:
    return needed("pytest_jumpstarter.upstream_api.clients.coroutines", "What a client offers to coroutines")


class AsyncMethods:
    """The methods of a client for coroutines, its own and others'."""

    async def call_async(self, method: str, *args: object) -> Any:
        """Call a method of the driver; see `DriverClient.call`. Cancelled on the exporter if this is cancelled."""
        return await _coroutines().call(proxy_of(self), method, args)

    async def streamingcall_async(self, method: str, *args: object) -> AsyncGenerator[Any, None]:
        """Call a streaming method of the driver and yield its results; see `DriverClient.streamingcall`."""
        async for item in _coroutines().results(proxy_of(self), method, args):
            yield item

    @asynccontextmanager
    async def stream_async(self, method: str = "connect") -> AsyncIterator[Any]:
        """Open a byte stream to the driver, as a stream of anyio's, for the length of a block."""
        async with _coroutines().opened(proxy_of(self), method) as stream:
            yield stream

    @asynccontextmanager
    async def resource_async(self, stream: Any, content_encoding: Any = None) -> AsyncIterator[dict[str, Any]]:
        """Offer a stream of anyio's to the driver, and yield the handle that a call inside the block gives it.

        Args:
            stream: What it gives is sent to the driver; what the driver sends goes to it.
            content_encoding: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if its bytes are so compressed, and the driver is
                to get their content. Default: they are sent as they are.
        """
        from pytest_jumpstarter.upstream_api.clients.transfers import compression_of

        async with _coroutines().resource(proxy_of(self), stream, compression_of(content_encoding)) as handle:
            yield handle

    @asynccontextmanager
    async def log_stream_async(self, show_all_logs: bool = True) -> AsyncIterator[None]:
        """Copy the exporter's log to Python's loggers; see `DriverClient.log_stream`.

        Args:
            show_all_logs: Whether the lines of drivers and of the exporter itself are wanted, not only those of hooks.
        """
        async with entered(lambda _tick: logged(device_of(self), all_lines=show_all_logs)):
            yield

    # The exporter's status

    @property
    def status(self) -> ExporterStatus | None:
        """The status that ``status_monitor_async`` knows of; None while there is none."""
        monitor = self.__dict__.get("_status_monitor")
        return None if monitor is None else monitor.current_status

    async def get_status_async(self) -> ExporterStatus | None:
        """Return the exporter's status; None where it is too old to tell.

        Raises:
            DriverError: It cannot be asked.
        """
        with as_driver_error():
            status: ExporterStatus | None = (await _coroutines().in_thread(status_of, device_of(self)))[0]
            return status

    async def check_exporter_status(self) -> None:
        """Check that the exporter takes driver calls now.

        Raises:
            ExporterNotReady: It does not; also a `DriverError`.
        """
        found = await self.get_status_async()
        if found not in (None, *_CALLABLE):
            raise also_as(ExporterNotReady(f"The exporter takes no driver calls: its status is {found}."), DriverError)

    @asynccontextmanager
    async def status_monitor_async(self, poll_interval: float = POLL_S) -> AsyncIterator[StatusMonitor]:
        """Watch the exporter's status in the background while the block runs.

        Args:
            poll_interval: Seconds between two questions. Default: 0.3 seconds.
        """
        async with monitored(device_of(self), poll_interval) as monitor:
            self.__dict__["_status_monitor"] = monitor
            try:
                yield monitor
            finally:
                del self.__dict__["_status_monitor"]

    async def wait_for_lease_ready(self, timeout: float = 300.0) -> None:
        """Wait until the exporter takes driver calls, or its hook before the lease has failed.

        Args:
            timeout: Seconds after which this returns all the same. Default: 5 minutes.
        """
        targets = (ExporterStatus.LEASE_READY, ExporterStatus.BEFORE_LEASE_HOOK_FAILED)
        if await wait_for(device_of(self), targets, timeout) is not ExporterStatus.LEASE_READY:
            logger.warning("The exporter did not become ready in %g seconds, or its hook failed.", timeout)

    async def wait_for_lease_ready_monitored(self, timeout: float = 300.0) -> None:
        """Do so with the monitor of ``status_monitor_async``.

        Raises:
            DriverError: It did not become ready in time.
            UsageError: There is no monitor.
        """
        monitor = self.__dict__.get("_status_monitor")
        if monitor is None:
            raise UsageError("The exporter's status is not monitored. Use it inside status_monitor_async().")
        if not await monitor.wait_for_status(ExporterStatus.LEASE_READY, timeout=timeout):
            raise DriverError(f"The exporter did not become ready in {timeout:g} seconds: its status is {self.status}.")

    async def end_session_async(self) -> bool:
        """Tell the exporter that this session is over; return whether it will run its hook after the lease.

        An exporter that is gone by then counts as one that does.
        """
        try:
            return bool(await _coroutines().in_thread(device_of(self).link.end_session))
        except (LinkError, OperationTimeout):
            return True

    async def wait_for_hook_status(self, target_status: ExporterStatus, timeout: float = 60.0) -> bool:
        """Wait for the status that follows the hook after the lease, and say whether it, or its failure, came.

        Args:
            target_status: The status, mostly ``AVAILABLE``.
            timeout: Seconds. Default: one minute.
        """
        targets = (target_status, ExporterStatus.AFTER_LEASE_HOOK_FAILED)
        return await wait_for(device_of(self), targets, timeout) is not None

    async def wait_for_hook_complete_monitored(self, timeout: float = 60.0) -> bool:
        """Wait for the end of the hook after the lease with the monitor of ``status_monitor_async``, if there is one.

        Args:
            timeout: Seconds. Default: one minute.
        """
        monitor = self.__dict__.get("_status_monitor")
        if monitor is None:
            return True
        targets = (ExporterStatus.AVAILABLE, ExporterStatus.AFTER_LEASE_HOOK_FAILED)
        return await monitor.wait_for_any_of(targets, timeout=timeout) is not None
