"""The exporter's status for coroutines: asked, waited for, and watched in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.errors import InfrastructureError
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

POLL_S = 0.3
"""Seconds between two questions."""

Changed = Callable[[ExporterStatus, ExporterStatus | None], Awaitable[None]]


def status_of(device: Device) -> tuple[ExporterStatus | None, str, int]:
    """Return an exporter's status, its own words for it and its version; None where it is too old to tell.

    Raises:
        InfrastructureError: It cannot be asked.
    """
    state = device.status()
    if state.version is None:
        return None, "", 0
    return ExporterStatus.__members__.get(state.status, ExporterStatus.UNSPECIFIED), state.message, state.version


class StatusMonitor:
    """Asks an exporter for its status again and again, and wakes those who wait for one.

    Args:
        device: The exporter's device.
        poll_interval: Seconds between two questions. Default: 0.3 seconds.

    Attributes:
        current_status: The last status; None before the first answer.
        status_version: Its version, which grows by one at each change.
        status_message: The exporter's own words for it.
        missed_transitions: How many statuses came and went between two questions.
        connection_lost: Whether the exporter could not be asked; then nothing is asked any more.
    """

    def __init__(self, device: Device, poll_interval: float = POLL_S) -> None:
        self._device, self._interval = device, poll_interval
        self.current_status: ExporterStatus | None = None
        self.status_version = 0
        self.status_message = ""
        self.connection_lost = False
        self.missed_transitions = 0
        self._changed = asyncio.Condition()
        self._callbacks: list[Changed] = []

    def on_status_change(self, callback: Changed) -> None:
        """Await a function with the new and the old status whenever it changes."""
        self._callbacks.append(callback)

    async def wait_for_status(self, target: ExporterStatus, timeout: float | None = None) -> bool:
        """Wait for a status, and say whether it came.

        Args:
            target: The status.
            timeout: Seconds. Default: until the connection is lost.
        """
        return await self.wait_for_any_of([target], timeout) is not None

    async def wait_for_any_of(
        self, targets: Sequence[ExporterStatus], timeout: float | None = None
    ) -> ExporterStatus | None:
        """Wait for one of several statuses, and return which came; None if none did in time.

        Args:
            targets: The statuses.
            timeout: Seconds. Default: until the connection is lost.
        """
        import anyio

        with anyio.move_on_after(timeout):
            async with self._changed:
                await self._changed.wait_for(lambda: self.current_status in targets or self.connection_lost)
        return self.current_status if self.current_status in targets else None

    async def watch(self) -> None:
        """Ask until this is cancelled, or the exporter cannot be asked any more."""
        import anyio

        from pytest_jumpstarter.upstream_api.clients.coroutines import in_thread

        while not self.connection_lost:
            before = self.current_status
            try:
                found, self.status_message, version = await in_thread(status_of, self._device)
            except InfrastructureError:
                self.connection_lost = True
            else:
                if self.status_version:
                    self.missed_transitions += max(version - self.status_version - 1, 0)
                self.status_version = version
                # An exporter that is too old to tell is ready.
                self.current_status = ExporterStatus.LEASE_READY if found is None else found
            async with self._changed:
                self._changed.notify_all()
            if self.current_status is not None and self.current_status is not before:
                for callback in self._callbacks:
                    await callback(self.current_status, before)
            await anyio.sleep(self._interval)


@asynccontextmanager
async def monitored(device: Device, poll_interval: float) -> AsyncIterator[StatusMonitor]:
    """Watch an exporter's status in the background while the block runs."""
    import anyio

    monitor = StatusMonitor(device, poll_interval)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(monitor.watch)
        try:
            yield monitor
        finally:
            tasks.cancel_scope.cancel()


async def wait_for(device: Device, targets: Sequence[ExporterStatus], timeout: float) -> ExporterStatus | None:
    """Wait until an exporter has one of several statuses, and return which; None if none came in time."""
    async with monitored(device, POLL_S) as monitor:
        found: Any = await monitor.wait_for_any_of(targets, timeout)
    return found if isinstance(found, ExporterStatus) else None
