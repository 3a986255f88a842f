"""Leasing an exporter with a client configuration."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from JumpstarterLibrary.client.leasing.termination import Termination
from JumpstarterLibrary.client.settings import ClientSettings
from pytest_jumpstarter.upstream_api.config.channel import ControllerChannel, open_channel, settings_of
from pytest_jumpstarter.upstream_api.config.configuration import ClientConfiguration
from pytest_jumpstarter.upstream_api.config.env import JMP_LEASE
from pytest_jumpstarter.upstream_api.config.error_mapping import controller_calls
from pytest_jumpstarter.upstream_api.config.lease import Lease
from pytest_jumpstarter.upstream_api.config.threads import need_anyio

HALF_AN_HOUR = timedelta(minutes=30)


class LeasingMethods(ClientConfiguration):
    """The leases of a client configuration."""

    @contextmanager
    def lease(
        self,
        selector: str | None = None,
        exporter_name: str | None = None,
        lease_name: str | None = None,
        duration: timedelta = HALF_AN_HOUR,
        *,
        acquisition_timeout: timedelta | None = None,
        retry_timeout: timedelta | None = None,
        tags: dict[str, str] | None = None,
    ) -> Iterator[Lease]:
        """Lease an exporter for the length of a block.

        At its end the lease is released, also by an exception, Ctrl-C, SIGTERM or SIGHUP. One that was there
        already, by its name, stays as it is.

        Args:
            selector: Label expression of the exporter.
            exporter_name: The exporter's name.
            lease_name: A lease that is there already. Default: the one that ``JMP_LEASE`` names, if it is set.
            duration: How long a new one is to last. Default: 30 minutes.
            acquisition_timeout: How long to wait for an exporter. Default: that of the configuration, 2 hours.
            retry_timeout: How long a controller may be silent meanwhile. Default: that of the configuration, 5 minutes.
            tags: Up to 10 tags of a new lease.

        Raises:
            LeaseError: No exporter became free in time, none fits, or the lease is over or another client's.
            ConnectionError: The controller refuses the request, cannot be reached or does not accept this client.
            ConfigurationError: The configuration cannot be used.
        """
        with ExitStack() as stack:
            # Alone, SIGTERM would end the process at once; so it ends in order.
            stack.enter_context(Termination())
            with controller_calls(self):
                channel = stack.enter_context(ControllerChannel(self._settings(retry_timeout)))
                lease = self._lease(channel, selector, exporter_name, lease_name, duration, acquisition_timeout)
                lease.tags = tags or {}
                # First, so that nothing can come between.
                stack.push(lease)
                lease.request()
            yield lease

    @asynccontextmanager
    async def lease_async(
        self,
        selector: str | None = None,
        exporter_name: str | None = None,
        lease_name: str | None = None,
        duration: timedelta = HALF_AN_HOUR,
        portal: Any = None,
        acquisition_timeout: timedelta | None = None,
        retry_timeout: timedelta | None = None,
    ) -> AsyncIterator[Lease]:
        """Lease an exporter like ``lease``, from a coroutine. Where that is cancelled, the request is taken back.

        Signals are left to the owner of the event loop. ``portal`` is not needed; upstream's users hand one over.
        """
        need_anyio()
        with controller_calls(self):
            channel = await open_channel(self._settings(retry_timeout))
        with channel:
            lease = self._lease(channel, selector, exporter_name, lease_name, duration, acquisition_timeout)
            lease.portal = portal
            with controller_calls(self):
                await lease.__aenter__()
            try:
                yield lease
            finally:
                await lease.__aexit__()

    def _settings(self, retry_timeout: timedelta | None) -> ClientSettings:
        settings = settings_of(self)
        return settings if retry_timeout is None else replace(settings, retry_timeout=retry_timeout.total_seconds())

    def _lease(
        self,
        channel: ControllerChannel,
        selector: str | None,
        exporter_name: str | None,
        lease_name: str | None,
        duration: timedelta,
        acquisition_timeout: timedelta | None,
    ) -> Lease:
        name = lease_name or os.environ.get(JMP_LEASE, "")
        settings = channel.controller.settings
        limit = settings.acquisition_timeout if acquisition_timeout is None else acquisition_timeout.total_seconds()
        return Lease(
            channel=channel,
            duration=duration,
            selector=selector,
            requested_exporter_name=exporter_name,
            namespace=self.metadata.namespace,
            name=name or None,
            allow=self.drivers.allow,
            unsafe=self.drivers.unsafe,
            # What was there before stays.
            release=not name,
            tls_config=self.tls,
            grpc_options=self.grpcOptions,
            client_name=self.metadata.name,
            acquisition_timeout=limit,
            dial_timeout=settings.dial_timeout,
            retry_timeout=settings.retry_timeout,
        )
