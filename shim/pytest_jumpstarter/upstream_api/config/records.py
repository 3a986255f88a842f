"""Exporters and leases as a controller tells of them, and the service that returns them, under upstream's names.

It is upstream's module of this content as well: what a test replaces in that one is replaced here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from JumpstarterLibrary.client.leasing.calls import ControllerCalls, LeaseRequest
from pytest_jumpstarter.upstream_api.config.channel import controller_of
from pytest_jumpstarter.upstream_api.config.error_mapping import controller_calls
from pytest_jumpstarter.upstream_api.config.identifiers import (
    parse_client_identifier,
    parse_exporter_identifier,
    parse_identifier,
    parse_lease_identifier,
)
from pytest_jumpstarter.upstream_api.config.selectors import extract_match_labels_filter, selector_contains
from pytest_jumpstarter.upstream_api.config.sync_or_async import run_blocking
from pytest_jumpstarter.upstream_api.config.tables import (
    FREE,
    LeaseCells,
    Table,
    WithOptions,
    add_display_columns,
    add_exporter_row,
    pairs,
)
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

__all__ = [
    "ClientService",
    "Exporter",
    "ExporterList",
    "ExporterStatus",
    "Lease",
    "LeaseList",
    "WithOptions",
    "add_display_columns",
    "add_exporter_row",
    "parse_client_identifier",
    "parse_exporter_identifier",
    "parse_identifier",
    "parse_lease_identifier",
]

Result = TypeVar("Result")

MOMENT = "%Y-%m-%d %H:%M:%S"


class Exporter(BaseModel):
    """An exporter.

    Attributes:
        namespace: Its namespace.
        name: Its name.
        labels: Its labels.
        online: Whether it is connected to the controller.
        status: What it says of itself; None if it says nothing.
        enabled: Whether it may be leased at all.
        lease: The lease that it has, where that was asked for.
        deprecated_labels: What to use instead of labels that are going to vanish.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    namespace: str
    name: str
    labels: dict[str, str]
    online: bool = False
    status: ExporterStatus | None = None
    enabled: bool = True
    lease: Lease | None = None
    deprecated_labels: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def from_protobuf(cls, data: Any) -> Self:
        """Return the exporter in a message of the controller."""
        namespace, name = parse_exporter_identifier(data.name)
        return cls(
            namespace=namespace,
            name=name,
            labels=dict(data.labels),
            online=data.online,
            status=ExporterStatus.from_proto(data.status) if data.status else None,
            enabled=data.enabled if data.HasField("enabled") else True,
            deprecated_labels=dict(data.deprecated_labels),
        )

    @classmethod
    def rich_add_columns(cls, table: Table, options: WithOptions | None = None) -> None:
        """Add columns for exporters to a table."""
        add_display_columns(table, options)

    def rich_add_rows(self, table: Table, options: WithOptions | None = None) -> None:
        """Add the exporter to a table."""
        add_exporter_row(table, self, options, self._lease_cells())

    def rich_add_names(self, names: list[str]) -> None:
        """Append the exporter's name to a list."""
        names.append(self.name)

    def _lease_cells(self) -> LeaseCells:
        if self.lease is None:
            return FREE
        end = planned_end(self.lease)
        return self.lease.client, self.lease.get_status(), end.strftime(MOMENT) if end else ""


class Lease(BaseModel):
    """A lease.

    Attributes:
        namespace: Its namespace.
        name: Its name.
        selector: What it was asked for with, as the controller writes it.
        exporter_name: The exporter that was asked for by name; None if none was.
        tags: Its tags.
        duration: How long it was to last.
        effective_duration: How long it had lasted when the controller answered; None before its begin.
        begin_time: When it was to begin; None for as soon as possible.
        client: Its owner.
        exporter: The exporter that it has; empty while it has none.
        conditions: What the controller says of it; each has ``type``, ``status``, ``reason`` and ``message``.
        effective_begin_time: When it began; None before that.
        effective_end_time: When it ended; None while it lasts.
        deprecated_labels: What to use instead of labels in its selector that are going to vanish.
    """

    model_config = ConfigDict(ser_json_timedelta="float", hide_input_in_errors=True)

    namespace: str
    name: str
    selector: str
    exporter_name: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    duration: timedelta
    effective_duration: timedelta | None = None
    begin_time: datetime | None = None
    client: str
    exporter: str
    conditions: list[Any]
    effective_begin_time: datetime | None = None
    effective_end_time: datetime | None = None
    deprecated_labels: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def from_protobuf(cls, data: Any) -> Self:
        """Return the lease in a message of the controller. Its times are those of the local zone."""
        namespace, name = parse_lease_identifier(data.name)
        elapsed = data.effective_duration.ToTimedelta() if data.HasField("effective_duration") else None
        return cls(
            namespace=namespace,
            name=name,
            selector=data.selector,
            exporter_name=data.exporter_name or None,
            tags=dict(data.tags),
            duration=data.duration.ToTimedelta(),
            effective_duration=elapsed,
            begin_time=_moment(data, "begin_time"),
            client=parse_client_identifier(data.client)[1],
            exporter=parse_exporter_identifier(data.exporter)[1] if data.exporter else "",
            conditions=list(data.conditions),
            effective_begin_time=_moment(data, "effective_begin_time"),
            effective_end_time=_moment(data, "effective_end_time"),
            deprecated_labels=dict(data.deprecated_labels),
        )

    @field_serializer("conditions")
    def _dictionaries(self, conditions: list[Any]) -> list[dict[str, Any]]:
        return [_condition(one) for one in conditions]

    def get_status(self) -> str:
        """Return where the lease is in its life, in one word."""
        if self.effective_end_time is not None:
            return "Ended"
        if not self.conditions:
            return "Unknown"
        latest = self.conditions[-1]
        if latest.type == "Ready" and latest.status in ("True", "False"):
            return "In-Use" if latest.status == "True" else "Waiting"
        if latest.type == "Expired":
            return "Expired"
        return latest.reason or "Unknown"

    @classmethod
    def rich_add_columns(cls, table: Table) -> None:
        """Add columns for leases to a table."""
        table.add_column("NAME", no_wrap=True)
        for header in ("SELECTOR", "EXPIRES AT", "REMAINING", "CLIENT", "EXPORTER", "TAGS"):
            table.add_column(header)

    def rich_add_rows(self, table: Table) -> None:
        """Add the lease to a table."""
        end = self._compute_expires_at()
        table.add_row(
            self.name,
            self.selector,
            end.strftime(MOMENT) if end else "",
            self._format_remaining(end),
            self.client,
            self.exporter,
            pairs(self.tags),
        )

    def rich_add_names(self, names: list[str]) -> None:
        """Append the lease's name to a list."""
        names.append(self.name)

    def _compute_expires_at(self) -> datetime | None:
        return planned_end(self)

    @staticmethod
    def _format_remaining(expires_at: datetime | None) -> str:
        """Return how long it is until a moment, to the minute."""
        if expires_at is None:
            return ""
        left = expires_at - datetime.now(tz=expires_at.tzinfo)
        if left <= timedelta():
            return "expired"
        hours, minutes = divmod(left.seconds // 60, 60)
        parts = [f"{count}{unit}" for count, unit in ((left.days, "d"), (hours, "h"), (minutes, "m")) if count]
        return " ".join(parts) or "0m"


class ExporterList(BaseModel):
    """Exporters, and what is shown of them.

    Attributes:
        exporters: The exporters.
        next_page_token: Where the next page begins; empty or None where there is none.
        include_online: Show whether they are connected.
        include_leases: Show their leases.
        include_status: Show what they say of themselves.
        include_disabled: Show those that may not be leased, too.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    exporters: list[Exporter]
    next_page_token: str | None = Field(exclude=True)
    include_online: bool = Field(default=False, exclude=True)
    include_leases: bool = Field(default=False, exclude=True)
    include_status: bool = Field(default=False, exclude=True)
    include_disabled: bool = Field(default=False, exclude=True)

    @classmethod
    def from_protobuf(cls, data: Any) -> Self:
        """Return the exporters in a message of the controller."""
        return cls(
            exporters=[Exporter.from_protobuf(one) for one in data.exporters], next_page_token=data.next_page_token
        )

    def model_dump(self, **_options: Any) -> dict[str, Any]:
        """Return what is shown of the exporters that are shown, with values that JSON has."""
        shown = {
            "lease": self.include_leases,
            "online": self.include_online,
            "status": self.include_status,
            "enabled": self.include_disabled,
        }
        exclude = {name for name, wanted in shown.items() if not wanted}
        return {"exporters": [one.model_dump(mode="json", exclude=exclude) for one in self._visible_exporters()]}

    def model_dump_json(self, **options: Any) -> str:
        """Return the same as JSON; ``indent``, ``separators``, ``sort_keys`` and ``ensure_ascii`` are json's."""
        known = {"indent", "separators", "sort_keys", "ensure_ascii"}
        return json.dumps(self.model_dump(), **{name: value for name, value in options.items() if name in known})

    def rich_add_columns(self, table: Table) -> None:
        """Add columns for the exporters to a table."""
        Exporter.rich_add_columns(table, self._options())

    def rich_add_rows(self, table: Table) -> None:
        """Add the exporters to a table."""
        for exporter in self._visible_exporters():
            exporter.rich_add_rows(table, self._options())

    def rich_add_names(self, names: list[str]) -> None:
        """Append the exporters' names to a list."""
        for exporter in self._visible_exporters():
            exporter.rich_add_names(names)

    def _options(self) -> WithOptions:
        return WithOptions(
            show_online=self.include_online,
            show_leases=self.include_leases,
            show_status=self.include_status,
            show_disabled=self.include_disabled,
        )

    def _visible_exporters(self) -> list[Exporter]:
        return [one for one in self.exporters if one.enabled or self.include_disabled]


class LeaseList(BaseModel):
    """Leases.

    Attributes:
        leases: The leases.
        next_page_token: Where the next page begins; empty or None where there is none.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    leases: list[Lease]
    next_page_token: str | None = Field(exclude=True)

    @classmethod
    def from_protobuf(cls, data: Any) -> Self:
        """Return the leases in a message of the controller."""
        return cls(leases=[Lease.from_protobuf(one) for one in data.leases], next_page_token=data.next_page_token)

    def filter_by_selector(self, filter_selector: str | None) -> LeaseList:
        """Return those leases whose selectors ask for all that a selector asks for."""
        if not filter_selector:
            return self
        return self._some(one for one in self.leases if selector_contains(one.selector, filter_selector))

    def filter_by_client(self, client_name: str) -> LeaseList:
        """Return those leases that a client has."""
        return self._some(one for one in self.leases if one.client == client_name)

    @classmethod
    def rich_add_columns(cls, table: Table) -> None:
        """Add columns for leases to a table."""
        Lease.rich_add_columns(table)

    def rich_add_rows(self, table: Table) -> None:
        """Add the leases to a table."""
        for lease in self.leases:
            lease.rich_add_rows(table)

    def rich_add_names(self, names: list[str]) -> None:
        """Append the leases' names to a list."""
        for lease in self.leases:
            lease.rich_add_names(names)

    def _some(self, leases: Iterator[Lease]) -> LeaseList:
        return LeaseList(leases=list(leases), next_page_token=None)


def planned_end(lease: Lease) -> datetime | None:
    """Return when a lease ended or will end; None while that is unknown.

    A fixed begin counts, however late the exporter was free: so does the controller.
    """
    if lease.effective_end_time:
        return lease.effective_end_time
    begin = lease.begin_time or lease.effective_begin_time
    return begin + lease.duration if begin and lease.duration else None


def _moment(data: Any, name: str) -> datetime | None:
    if not data.HasField(name):
        return None
    found: datetime = getattr(data, name).ToDatetime(tzinfo=datetime.now().astimezone().tzinfo)
    return found


def _condition(condition: Any) -> dict[str, Any]:
    """Return a condition as JSON has it: what is set, and large numbers as text."""
    found: dict[str, Any] = {name: getattr(condition, name) for name in ("type", "status") if condition.HasField(name)}
    if condition.HasField("observedGeneration"):
        found["observedGeneration"] = str(condition.observedGeneration)
    if condition.HasField("lastTransitionTime"):
        moment = condition.lastTransitionTime
        seconds = {"seconds": str(moment.seconds)} if moment.HasField("seconds") else {}
        nanos = {"nanos": moment.nanos} if moment.HasField("nanos") else {}
        found["lastTransitionTime"] = {**seconds, **nanos}
    return {**found, **{name: getattr(condition, name) for name in ("reason", "message") if condition.HasField(name)}}


class ClientService:
    """The client's calls to its controller. Every method raises ``ConnectionError`` where it refuses or is not there.

    ::

        service = ClientService(channel=await config.channel(), namespace=config.metadata.namespace)
        lease = await service.CreateLease(selector="board=rpi4", duration=timedelta(minutes=30))

    The methods of a client configuration, such as ``create_lease``, tell more of their arguments.

    Args:
        channel: What a client configuration's ``channel()`` returns.
        namespace: The namespace of what is asked for.
    """

    def __init__(self, channel: Any, namespace: str | None) -> None:
        self.channel = channel
        self.namespace = namespace

    async def GetExporter(self, *, name: str, show_hidden_labels: bool = False) -> Exporter:
        """Return an exporter."""
        return Exporter.from_protobuf(await self._call(lambda calls: calls.exporter(name, hidden=show_hidden_labels)))

    async def ListExporters(
        self,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        filter: str | None = None,
        show_hidden_labels: bool = False,
    ) -> ExporterList:
        """Return a page of the exporters, in the order of their names."""
        answer = await self._call(
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
        return Lease.from_protobuf(await self._call(lambda calls: calls.lease(name)))

    async def ListLeases(
        self,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        filter: str | None = None,
        only_active: bool = True,
        tag_filter: str | None = None,
    ) -> LeaseList:
        """Return a page of the leases of all clients, in the order of their names."""
        answer = await self._call(
            lambda calls: calls.leases(
                page_size=page_size or 0,
                page_token=page_token or "",
                selector=(extract_match_labels_filter(filter) or "") if filter else "",
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
        """Ask for a lease, and return it as it is then: mostly still without an exporter. Release it yourself."""
        request = LeaseRequest(
            selector=selector or None,
            exporter=exporter_name or None,
            duration=duration,
            begin=in_utc(begin_time),
            tags=tags,
            allow_disabled=allow_disabled,
            name=lease_id or None,
        )
        return Lease.from_protobuf(await self._call(lambda calls: calls.create_lease(request)))

    async def UpdateLease(
        self,
        *,
        name: str,
        duration: timedelta | None = None,
        begin_time: datetime | None = None,
        client: str | None = None,
    ) -> Lease:
        """Change a lease, and return it."""
        answer = await self._call(
            lambda calls: calls.update_lease(name, duration=duration, begin=in_utc(begin_time), client=client)
        )
        return Lease.from_protobuf(answer)

    async def DeleteLease(self, *, name: str) -> None:
        """Ask for the end of a lease."""
        await self._call(lambda calls: calls.delete_lease(name))

    async def RotateToken(self) -> str:
        """Return a new token of this client; the old ones stay valid until their own ends."""
        return await self._call(lambda calls: calls.rotate_token())

    async def _call(self, call: Callable[[ControllerCalls], Result]) -> Result:
        calls = ControllerCalls(controller_of(self.channel), self.namespace)
        with controller_calls(None):
            return await run_blocking(lambda: call(calls))


def in_utc(moment: datetime | None) -> datetime | None:
    """Return a moment, which is UTC if it has no zone."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
