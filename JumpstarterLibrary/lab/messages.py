"""The controller's records as messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.model import ExporterRecord, LeaseCondition, LeaseRecord
from JumpstarterLibrary.protocol import client_pb2, kubernetes_pb2
from JumpstarterLibrary.protocol.wellknown import Duration, Timestamp


def timestamp(moment: datetime) -> Timestamp:
    """Return a time as a message."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def moment(message: Timestamp) -> datetime:
    """Return a message as a time, with the time zone UTC."""
    return message.ToDatetime(UTC)


def duration(length: timedelta) -> Duration:
    """Return a length of time as a message."""
    message = Duration()
    message.FromTimedelta(length)
    return message


def condition(record: LeaseCondition) -> kubernetes_pb2.Condition:
    """Return a condition as a message."""
    return kubernetes_pb2.Condition(
        type=record.type,
        status="True" if record.status else "False",
        observedGeneration=record.generation,
        lastTransitionTime=kubernetes_pb2.Time(seconds=int(record.since.timestamp()), nanos=0),
        reason=record.reason,
        message=record.message,
    )


def lease(record: LeaseRecord, now: datetime, features: ControllerFeatures) -> client_pb2.Lease:
    """Return a lease as a message.

    Args:
        record: The lease.
        now: Lab time, for how long it has lasted.
        features: Which labels are deprecated.
    """
    message = client_pb2.Lease(
        name=f"namespaces/{record.namespace}/leases/{record.name}",
        selector=record.selector.rendered,
        client=f"namespaces/{record.namespace}/clients/{record.client}",
        conditions=[condition(one) for one in record.conditions],
        tags=record.tags,
        allow_disabled=record.allow_disabled,
        context=record.context,
        deprecated_labels=_chosen(features.deprecated_labels, record.selector.keys),
    )
    if record.exporter_name:
        message.exporter_name = record.exporter_name
    if record.exporter is not None:
        message.exporter = f"namespaces/{record.namespace}/exporters/{record.exporter}"
    _fill_times(message, record, now)
    return message


def _fill_times(message: client_pb2.Lease, record: LeaseRecord, now: datetime) -> None:
    if record.duration is not None:
        message.duration.CopyFrom(duration(record.duration))
    if record.begin is not None:
        message.begin_time.CopyFrom(timestamp(record.begin))
    if record.end is not None:
        message.end_time.CopyFrom(timestamp(record.end))
    # A lease that never began tells nothing of its end.
    if record.effective_begin is None:
        return
    message.effective_begin_time.CopyFrom(timestamp(record.effective_begin))
    until = now
    if record.effective_end is not None:
        until = record.effective_end
        message.effective_end_time.CopyFrom(timestamp(until))
    message.effective_duration.CopyFrom(duration(max(until - record.effective_begin, timedelta())))


def exporter(record: ExporterRecord, features: ControllerFeatures, *, all_labels: bool) -> client_pb2.Exporter:
    """Return an exporter as a message.

    Args:
        record: The exporter.
        features: Which labels are hidden or deprecated.
        all_labels: Whether those are shown all the same.
    """
    status: Any = record.status
    unseen = set() if all_labels else features.hidden_labels | features.deprecated_labels.keys()
    return client_pb2.Exporter(
        name=f"namespaces/{record.namespace}/exporters/{record.name}",
        labels={key: value for key, value in record.labels.items() if key not in unseen},
        online=record.online,
        status=status,
        status_message=record.status_message,
        enabled=record.enabled,
        deprecated_labels=_chosen(features.deprecated_labels, record.labels) if all_labels else {},
    )


def _chosen(texts: Mapping[str, str], keys: Mapping[str, str] | list[str]) -> dict[str, str]:
    return {key: texts[key] for key in keys if key in texts}
