"""`ClientService`: the calls of a controller's client service, as coroutines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from JumpstarterLibrary.client.leasing.calls import ControllerCalls
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from pytest_jumpstarter.upstream_api.config.channel import controller_of
from pytest_jumpstarter.upstream_api.config.error_mapping import controller_calls
from pytest_jumpstarter.upstream_api.config.selectors import extract_match_labels_filter
from pytest_jumpstarter.upstream_api.config.sync_or_async import run_blocking

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.config.records import Exporter, ExporterList, Lease, LeaseList

Result = TypeVar("Result")


class ClientService:
    """The client's calls to its controller. Every method raises ``ConnectionError`` where it refuses or is not there.

    ::

        service = ClientService(channel=await config.channel(), namespace=config.metadata.namespace)
        lease = await service.CreateLease(selector="board=rpi4", duration=timedelta(minutes=30))

    Args:
        channel: What a client configuration's ``channel()`` returns.
        namespace: The namespace of what is asked for.
    """

    def __init__(self, channel: Any, namespace: str | None) -> None:
        self.channel = channel
        self.namespace = namespace

    async def GetExporter(self, *, name: str, show_hidden_labels: bool = False) -> Exporter:
        """Return an exporter.

        Args:
            name: Its name.
            show_hidden_labels: Return also the labels that the administrator has hidden.
        """
        from pytest_jumpstarter.upstream_api.config.records import Exporter

        return Exporter.from_protobuf(await self._ask(lambda calls: calls.exporter(name, hidden=show_hidden_labels)))

    async def ListExporters(
        self,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        filter: str | None = None,
        show_hidden_labels: bool = False,
    ) -> ExporterList:
        """Return a page of the exporters, in the order of their names.

        Args:
            page_size: How many at most. Default: all.
            page_token: The ``next_page_token`` of the page before.
            filter: Label expression of exporters.
            show_hidden_labels: Return also the labels that the administrator has hidden.
        """
        from pytest_jumpstarter.upstream_api.config.records import ExporterList

        answer = await self._ask(
            lambda calls: calls.exporters(
                page_size=page_size or 0,
                page_token=page_token or "",
                selector=filter or "",
                hidden=show_hidden_labels,
            )
        )
        return ExporterList.from_protobuf(answer)

    async def GetLease(self, *, name: str) -> Lease:
        """Return a lease, whether it lasts or has ended."""
        from pytest_jumpstarter.upstream_api.config.records import Lease

        return Lease.from_protobuf(await self._ask(lambda calls: calls.lease(name)))

    async def ListLeases(
        self,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        filter: str | None = None,
        only_active: bool = True,
        tag_filter: str | None = None,
    ) -> LeaseList:
        """Return a page of the leases of all clients, in the order of their names.

        Args:
            page_size: How many at most. Default: all.
            page_token: The ``next_page_token`` of the page before.
            filter: What the leases were asked for with; only its equality part counts, which is all that controllers
                know. See ``LeaseList.filter_by_selector``.
            only_active: Leave out those that have ended. Default: yes.
            tag_filter: Label expression of tags.
        """
        from pytest_jumpstarter.upstream_api.config.records import LeaseList

        answer = await self._ask(
            lambda calls: calls.leases(
                page_size=page_size or 0,
                page_token=page_token or "",
                selector=extract_match_labels_filter(filter) or "",
                only_active=only_active,
                tag_filter=tag_filter or "",
            )
        )
        return LeaseList.from_protobuf(answer)

    async def CreateLease(
        self,
        *,
        selector: str | None,
        duration: timedelta,
        exporter_name: str | None = None,
        begin_time: datetime | None = None,
        lease_id: str | None = None,
        tags: dict[str, str] | None = None,
        allow_disabled: bool = False,
    ) -> Lease:
        """Ask for a lease, and return it as it is then: mostly still without an exporter. Release it yourself.

        Args:
            selector: Label expression of the exporter; None if it is asked for by name.
            duration: How long the lease is to last.
            exporter_name: The exporter's name.
            begin_time: When it is to begin; without a zone it is UTC. Default: as soon as possible.
            lease_id: Its name. Default: a new one.
            tags: Up to 10 tags.
            allow_disabled: Take an exporter that its administrator has disabled, too.
        """
        from pytest_jumpstarter.upstream_api.config.records import Lease

        request = LeaseRequest(
            selector=selector or None,
            exporter=exporter_name or None,
            duration=duration,
            begin=in_utc(begin_time),
            tags=tags,
            allow_disabled=allow_disabled,
            name=lease_id or None,
        )
        return Lease.from_protobuf(await self._ask(lambda calls: calls.create_lease(request)))

    async def UpdateLease(
        self,
        *,
        name: str,
        duration: timedelta | None = None,
        begin_time: datetime | None = None,
        client: str | None = None,
    ) -> Lease:
        """Change a lease, and return it.

        Args:
            name: The lease.
            duration: Its new length, counted from its begin.
            begin_time: When it is to begin; only before it has begun, and together with ``duration``.
            client: Its new owner: a name, or a path with a namespace.

        Raises:
            ValueError: Nothing is to be changed.
        """
        from pytest_jumpstarter.upstream_api.config.records import Lease

        answer = await self._ask(
            lambda calls: calls.update_lease(name, duration=duration, begin=in_utc(begin_time), client=client)
        )
        return Lease.from_protobuf(answer)

    async def DeleteLease(self, *, name: str) -> None:
        """Ask for the end of a lease."""
        await self._ask(lambda calls: calls.delete_lease(name))

    async def RotateToken(self) -> str:
        """Return a new token of this client; the old ones stay valid until their own ends."""
        return await self._ask(lambda calls: calls.rotate_token())

    async def _ask(self, call: Callable[[ControllerCalls], Result]) -> Result:
        calls = ControllerCalls(controller_of(self.channel), self.namespace)
        with controller_calls(None):
            return await run_blocking(lambda: call(calls))


def in_utc(moment: datetime | None) -> datetime | None:
    """Return a moment, which is UTC if it has no zone."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
