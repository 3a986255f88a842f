"""Exporters and leases as records: what they say of themselves, as mappings, as JSON and in tables."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_jumpstarter.upstream_api.config.identifiers import (
    parse_client_identifier,
    parse_exporter_identifier,
    parse_identifier,
    parse_lease_identifier,
)
from pytest_jumpstarter.upstream_api.config.records import (
    Exporter,
    ExporterList,
    Lease,
    LeaseList,
    WithOptions,
    planned_end,
)
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

from JumpstarterLibrary.protocol import client_pb2, kubernetes_pb2

NOON = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Table:
    def __init__(self) -> None:
        self.columns: list[str] = []
        self.rows: list[tuple[str, ...]] = []

    def add_column(self, header: str, /, **options: Any) -> None:
        self.columns.append(header)

    def add_row(self, *cells: str) -> None:
        assert len(cells) == len(self.columns)
        self.rows.append(cells)


def lease(**changes: Any) -> Lease:
    values = {
        "namespace": "lab",
        "name": "lease-1",
        "selector": "board=b",
        "duration": HOUR,
        "client": "anna",
        "exporter": "b1",
        "conditions": [],
    }
    return Lease(**{**values, **changes})


def exporter(name: str = "b1", **changes: Any) -> Exporter:
    return Exporter(**{"namespace": "lab", "name": name, "labels": {"number": "1", "board": "b"}, **changes})


def condition(kind: str, status: str, reason: str = "") -> kubernetes_pb2.Condition:
    return kubernetes_pb2.Condition(type=kind, status=status, reason=reason)


# Of messages


def test_an_exporter_of_a_message() -> None:
    message = client_pb2.Exporter(
        name="namespaces/lab/exporters/b1",
        labels={"board": "b"},
        online=True,
        status=4,
        deprecated_labels={"board": "use kind"},
    )
    found = Exporter.from_protobuf(message)
    assert found == exporter(
        labels={"board": "b"}, online=True, status=ExporterStatus.LEASE_READY, deprecated_labels={"board": "use kind"}
    )
    message.enabled = False
    message.status = 0
    found = Exporter.from_protobuf(message)
    assert (found.enabled, found.status) == (False, None)


def test_a_lease_of_a_message() -> None:
    message = client_pb2.Lease(
        name="namespaces/lab/leases/lease-1",
        selector="<none>",
        exporter_name="b1",
        client="namespaces/lab/clients/anna",
        exporter="namespaces/lab/exporters/b1",
        tags={"build": "7"},
        conditions=[condition("Ready", "True")],
    )
    message.duration.FromTimedelta(HOUR)
    message.effective_duration.FromTimedelta(timedelta(seconds=3))
    message.effective_begin_time.FromDatetime(NOON)
    found = Lease.from_protobuf(message)
    assert (found.namespace, found.name, found.selector) == ("lab", "lease-1", "<none>")
    assert (found.exporter_name, found.exporter, found.client) == ("b1", "b1", "anna")
    assert (found.tags, found.duration, found.effective_duration) == ({"build": "7"}, HOUR, timedelta(seconds=3))
    assert found.effective_begin_time == NOON
    assert found.effective_begin_time.utcoffset() == datetime.datetime.now().astimezone().utcoffset()
    assert (found.begin_time, found.effective_end_time) == (None, None)
    assert [(one.type, one.status) for one in found.conditions] == [("Ready", "True")]


def test_a_lease_that_waits_has_no_exporter() -> None:
    message = client_pb2.Lease(name="namespaces/lab/leases/lease-1", client="namespaces/lab/clients/anna")
    found = Lease.from_protobuf(message)
    assert (found.exporter, found.exporter_name, found.effective_duration) == ("", None, None)


def test_paths() -> None:
    assert parse_exporter_identifier("namespaces/lab/exporters/b1") == ("lab", "b1")
    assert parse_client_identifier("namespaces/lab/clients/anna") == ("lab", "anna")
    assert parse_lease_identifier("namespaces/lab/leases/x") == ("lab", "x")
    for text in ("b1", "namespaces/lab/exporters", "namespace/lab/leases/x", "namespaces/lab/exporters/x"):
        with pytest.raises(ValueError, match="is no path of leases") as info:
            parse_identifier(text, "leases")
        assert str(info.value) == f"'{text}' is no path of leases. Expected 'namespaces/NAMESPACE/leases/NAME'."


# Where a lease is in its life


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "Unknown"),
        ({"conditions": [condition("Pending", "True", "NotAvailable")]}, "NotAvailable"),
        ({"conditions": [condition("Pending", "True", "Offline"), condition("Ready", "True")]}, "In-Use"),
        ({"conditions": [condition("Ready", "False", "Released")]}, "Waiting"),
        ({"conditions": [condition("Expired", "True")]}, "Expired"),
        ({"conditions": [condition("Odd", "True")]}, "Unknown"),
        ({"conditions": [condition("Ready", "True")], "effective_end_time": NOON}, "Ended"),
    ],
)
def test_the_status_of_a_lease(changes: dict[str, Any], status: str) -> None:
    assert lease(**changes).get_status() == status


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, None),
        ({"effective_begin_time": NOON}, NOON + HOUR),
        ({"begin_time": NOON}, NOON + HOUR),
        # However late the exporter was free.
        ({"begin_time": NOON, "effective_begin_time": NOON + HOUR / 2}, NOON + HOUR),
        ({"effective_begin_time": NOON, "effective_end_time": NOON + HOUR / 4}, NOON + HOUR / 4),
        ({"effective_begin_time": NOON, "duration": timedelta(0)}, None),
    ],
)
def test_the_end_of_a_lease(changes: dict[str, Any], end: datetime.datetime | None) -> None:
    assert planned_end(lease(**changes)) == end


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=2, hours=3, minutes=45, seconds=30), "2d 3h 45m"),
        (timedelta(days=3, seconds=30), "3d"),
        (timedelta(hours=5, minutes=30, seconds=30), "5h 30m"),
        (timedelta(seconds=40), "0m"),
        (timedelta(seconds=-1), "expired"),
    ],
)
def test_how_long_it_is_until_the_end(left: timedelta, text: str) -> None:
    assert Lease._format_remaining(datetime.datetime.now(UTC) + left) == text
    assert Lease._format_remaining(None) == ""


# Tables


def test_a_table_of_exporters() -> None:
    found = ExporterList(
        exporters=[
            exporter(online=True, status=ExporterStatus.LEASE_READY, lease=lease(effective_begin_time=NOON)),
            exporter("b2"),
            exporter("shelf", enabled=False),
        ],
        next_page_token=None,
    )
    table, names = Table(), list[str]()
    found.rich_add_columns(table)
    found.rich_add_rows(table)
    found.rich_add_names(names)
    assert table.columns == ["NAME", "LABELS"]
    assert table.rows == [("b1", "board=b,number=1"), ("b2", "board=b,number=1")]
    assert names == ["b1", "b2"]
    found.include_online = found.include_leases = found.include_status = found.include_disabled = True
    table = Table()
    found.rich_add_columns(table)
    found.rich_add_rows(table)
    assert table.columns == [
        "NAME",
        "ENABLED",
        "ONLINE",
        "STATUS",
        "LABELS",
        "LEASED BY",
        "LEASE STATUS",
        "RELEASE TIME",
    ]
    labels = "board=b,number=1"
    assert table.rows == [
        ("b1", "yes", "yes", "LEASE_READY", labels, "anna", "Unknown", "2026-03-01 13:00:00"),
        ("b2", "yes", "no", "UNKNOWN", labels, "", "Available", ""),
        ("shelf", "no", "no", "UNKNOWN", labels, "", "Available", ""),
    ]
    assert WithOptions() == WithOptions(show_online=False, show_leases=False, show_status=False, show_disabled=False)


def test_a_table_of_leases() -> None:
    found = LeaseList(
        leases=[lease(tags={"b": "2", "a": "1"}, effective_end_time=NOON), lease(name="lease-2", exporter="")],
        next_page_token=None,
    )
    table, names = Table(), list[str]()
    found.rich_add_columns(table)
    found.rich_add_rows(table)
    found.rich_add_names(names)
    assert table.columns == ["NAME", "SELECTOR", "EXPIRES AT", "REMAINING", "CLIENT", "EXPORTER", "TAGS"]
    assert table.rows == [
        ("lease-1", "board=b", "2026-03-01 12:00:00", "expired", "anna", "b1", "a=1,b=2"),
        ("lease-2", "board=b", "", "", "anna", "", ""),
    ]
    assert names == ["lease-1", "lease-2"]


# As mappings and JSON


def test_a_lease_as_a_mapping() -> None:
    ready = condition("Ready", "True", "Ready")
    ready.message, ready.observedGeneration = "there", 5
    ready.lastTransitionTime.seconds = 7
    one = lease(conditions=[ready], effective_begin_time=NOON, effective_duration=timedelta(seconds=1.5))
    dumped = one.model_dump(mode="json")
    assert dumped == json.loads(one.model_dump_json())
    assert list(dumped) == [
        "namespace",
        "name",
        "selector",
        "exporter_name",
        "tags",
        "duration",
        "effective_duration",
        "begin_time",
        "client",
        "exporter",
        "conditions",
        "effective_begin_time",
        "effective_end_time",
        "deprecated_labels",
    ]
    assert (dumped["duration"], dumped["effective_duration"]) == (3600.0, 1.5)
    assert dumped["effective_begin_time"] == "2026-03-01T12:00:00Z"
    assert dumped["conditions"] == [
        {
            "type": "Ready",
            "status": "True",
            "observedGeneration": "5",
            "lastTransitionTime": {"seconds": "7"},
            "reason": "Ready",
            "message": "there",
        }
    ]
    assert one.model_dump()["duration"] == HOUR
    assert one.model_dump(include={"name"}) == {"name": "lease-1"}


def test_what_is_shown_of_exporters_is_dumped() -> None:
    found = ExporterList(exporters=[exporter(lease=lease()), exporter("shelf", enabled=False)], next_page_token="x")
    shown = {"namespace": "lab", "name": "b1", "labels": {"number": "1", "board": "b"}, "deprecated_labels": {}}
    assert found.model_dump() == {"exporters": [shown]}
    found.include_online = found.include_status = found.include_disabled = found.include_leases = True
    first, second = json.loads(found.model_dump_json(indent=2))["exporters"]
    assert (first["online"], first["status"], first["enabled"]) == (False, None, True)
    assert first["lease"]["name"] == "lease-1"
    assert (second["enabled"], second["lease"]) == (False, None)


def test_what_is_shown_of_leases_is_dumped() -> None:
    found = LeaseList(leases=[lease()], next_page_token="x")
    assert list(found.model_dump()) == ["leases"]
    assert json.loads(found.model_dump_json())["leases"][0]["name"] == "lease-1"


def test_leases_are_filtered() -> None:
    found = LeaseList(
        leases=[
            lease(),
            lease(name="lease-2", selector="board notin (a)", client="berta"),
            lease(name="lease-3", selector="board=b,speed in (fast)"),
        ],
        next_page_token="x",
    )

    def names(leases: LeaseList) -> list[str]:
        assert leases is found or leases.next_page_token is None
        return [one.name for one in leases.leases]

    assert found.filter_by_selector(None) is found
    assert names(found.filter_by_selector("board=b")) == ["lease-1", "lease-3"]
    assert names(found.filter_by_selector("board!=a")) == ["lease-2"]
    assert names(found.filter_by_selector("speed in (fast)")) == ["lease-3"]
    assert names(found.filter_by_client("berta")) == ["lease-2"]


def test_records_of_mappings() -> None:
    one = exporter(lease=None, online=True)
    assert Exporter.model_validate({**one.model_dump(), "unknown": 1}) == one
    with pytest.raises(ValidationError) as info:
        Exporter.model_validate({"name": "b1"})
    assert [(error["type"], error["loc"]) for error in info.value.errors()] == [
        ("missing", ("namespace",)),
        ("missing", ("labels",)),
    ]
    with pytest.raises(ValidationError, match="Invalid JSON"):
        Exporter.model_validate_json("{")


def test_names_of_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_jumpstarter.compat_modules import COMPAT, install_hook

    install_hook()
    monkeypatch.syspath_prepend(COMPAT)
    found: dict[str, Any] = {}
    exec(
        "from jumpstarter.client.grpc import (ClientService, Exporter, ExporterList, Lease, LeaseList, WithOptions,\n"
        "    add_display_columns, add_exporter_row, parse_identifier)\n"
        "from jumpstarter.client import selectors\n",
        found,
    )
    assert found["Lease"] is Lease
    helpers: Callable[..., bool] = found["selectors"].selector_contains
    assert helpers("a=b", "a=b")
