"""The controller's RPCs as methods of a client configuration, for coroutines and for plain code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from JumpstarterLibrary.client.leasing.calls import PAGE, Listing
from pytest_jumpstarter.upstream_api.config.channel import ControllerChannel, open_channel, settings_of
from pytest_jumpstarter.upstream_api.config.configuration import ClientConfiguration
from pytest_jumpstarter.upstream_api.config.error_mapping import controller_calls
from pytest_jumpstarter.upstream_api.config.records import ClientService, Exporter, ExporterList, Lease, LeaseList
from pytest_jumpstarter.upstream_api.config.sync_or_async import sync_or_async

Result = TypeVar("Result")


class ControllerMethods(ClientConfiguration):
    """The controller's RPCs as methods of a client configuration; each opens a connection and closes it again.

    All of them raise ``ConnectionError`` where the controller refuses, cannot be reached or does not accept the client,
    and ``ConfigurationError`` where the configuration cannot be used.
    """

    async def channel(self) -> ControllerChannel:
        """Return a new connection to the controller, for `ClientService` and `Lease`. The caller closes it."""
        return await open_channel(settings_of(self))

    def _service(self, channel: Any) -> ClientService:
        raise NotImplementedError

    async def _call(self, work: Callable[[ClientService], Awaitable[Result]]) -> Result:
        with controller_calls(self):
            channel = await self.channel()
            try:
                return await work(self._service(channel))
            finally:
                if isinstance(channel, ControllerChannel):
                    channel.hang_up()

    # Exporters

    @sync_or_async
    async def get_exporter(self, name: str, show_hidden_labels: bool = False) -> Exporter:
        """Return an exporter.

        Args:
            name: Its name.
            show_hidden_labels: Return also the labels that the administrator has hidden.
        """
        return await self._call(lambda service: service.GetExporter(name=name, show_hidden_labels=show_hidden_labels))

    @sync_or_async
    async def list_exporters(
        self,
        filter: str | None = None,
        include_leases: bool = False,
        include_online: bool = False,
        include_status: bool = False,
        include_disabled: bool = False,
        page_size: int = PAGE,
        show_hidden_labels: bool = False,
    ) -> ExporterList:
        """Return all exporters that match, in the order of their names.

        Args:
            filter: Label expression of exporters. Default: all of them.
            include_leases: Return each with the lease that it has now.
            include_online: Show in tables and JSON whether they are connected.
            include_status: Show there what they say of themselves.
            include_disabled: Show there those that may not be leased, too.
            page_size: How many the controller sends at once.
            show_hidden_labels: Return also the labels that the administrator has hidden.
        """

        async def work(service: ClientService) -> ExporterList:
            exporters = await _exporters(service, page_size, filter, show_hidden_labels)
            if include_leases:
                holding = _holding(await _leases(service, page_size))
                exporters = [one.model_copy(update={"lease": holding.get(one.name)}) for one in exporters]
            return ExporterList(
                exporters=exporters,
                next_page_token=None,
                include_online=include_online,
                include_leases=include_leases,
                include_status=include_status,
                include_disabled=include_disabled,
            )

        return await self._call(work)

    # Leases

    @sync_or_async
    async def create_lease(
        self,
        duration: timedelta,
        selector: str | None = None,
        exporter_name: str | None = None,
        begin_time: datetime | None = None,
        lease_id: str | None = None,
        tags: dict[str, str] | None = None,
        allow_disabled: bool = False,
    ) -> Lease:
        """Request a lease, and return it as it is then: mostly still without an exporter. The caller has to release it.

        Args:
            duration: How long it is to last.
            selector: Label expression of the exporter; or give ``exporter_name``.
            exporter_name: The exporter's name.
            begin_time: When it is to begin; without a zone it is UTC. Default: as soon as possible.
            lease_id: Its name. Names are never free again. Default: a new one.
            tags: Up to 10 tags.
            allow_disabled: Take an exporter that its administrator has disabled, too.
        """
        return await self._call(
            lambda service: service.CreateLease(
                selector=selector,
                exporter_name=exporter_name,
                duration=duration,
                begin_time=begin_time,
                lease_id=lease_id,
                tags=tags,
                allow_disabled=allow_disabled,
            )
        )

    @sync_or_async
    async def get_lease(self, name: str) -> Lease:
        """Return a lease, whether it lasts or has ended."""
        return await self._call(lambda service: service.GetLease(name=name))

    @sync_or_async
    async def list_leases(
        self,
        filter: str | None = None,
        only_active: bool = True,
        page_size: int = PAGE,
        tag_filter: str | None = None,
    ) -> LeaseList:
        """Return all leases that match, of all clients, in the order of their names.

        Args:
            filter: What they were asked for with; only its equality part counts, which is all that controllers know.
                See ``LeaseList.filter_by_selector``. Default: all of them.
            only_active: Leave out those that have ended. Default: yes.
            page_size: How many the controller sends at once.
            tag_filter: Label expression of tags.
        """

        async def work(service: ClientService) -> LeaseList:
            leases = await _leases(service, page_size, filter, only_active, tag_filter)
            return LeaseList(leases=leases, next_page_token=None)

        return await self._call(work)

    @sync_or_async
    async def update_lease(
        self,
        name: str,
        duration: timedelta | None = None,
        begin_time: datetime | None = None,
        client: str | None = None,
    ) -> Lease:
        """Change a lease of this client, and return it.

        Args:
            name: The lease.
            duration: Its new length, counted from its begin.
            begin_time: When it is to begin; only before it has begun, and together with ``duration``.
            client: Its new owner: a name, or a path with a namespace.

        Raises:
            ValueError: Nothing is to be changed.
        """
        return await self._call(
            lambda service: service.UpdateLease(name=name, duration=duration, begin_time=begin_time, client=client)
        )

    @sync_or_async
    async def delete_lease(self, name: str) -> None:
        """Ask for the end of a lease of this client."""
        await self._call(lambda service: service.DeleteLease(name=name))

    # The client itself

    @sync_or_async
    async def rotate_token(self) -> str:
        """Return a new token of this client. It is neither used nor saved here; the old ones stay valid."""
        return await self._call(lambda service: service.RotateToken())


async def _exporters(
    service: ClientService, page_size: int, filter: str | None, show_hidden_labels: bool
) -> list[Exporter]:
    listing = Listing()
    while not listing.complete:
        with listing.next_page() as token:
            page = await service.ListExporters(
                page_size=page_size, page_token=token or None, filter=filter, show_hidden_labels=show_hidden_labels
            )
            listing.pages.append(page)
    return [exporter for page in listing.pages for exporter in page.exporters]


async def _leases(
    service: ClientService,
    page_size: int,
    filter: str | None = None,
    only_active: bool = True,
    tag_filter: str | None = None,
) -> list[Lease]:
    listing = Listing()
    while not listing.complete:
        with listing.next_page() as token:
            page = await service.ListLeases(
                page_size=page_size,
                page_token=token or None,
                filter=filter,
                only_active=only_active,
                tag_filter=tag_filter,
            )
            listing.pages.append(page)
    return [lease for page in listing.pages for lease in page.leases]


def _holding(leases: list[Lease]) -> dict[str, Lease]:
    """Return the leases that have exporters now, by these."""
    return {
        lease.exporter: lease
        for lease in leases
        if lease.exporter and lease.effective_begin_time and lease.get_status() == "In-Use"
    }
