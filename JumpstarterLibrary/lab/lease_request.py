"""Validate a request for a lease, and convert it to what the controller stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from JumpstarterLibrary.lab.features import MAX_TAGS
from JumpstarterLibrary.lab.messages import moment
from JumpstarterLibrary.lab.model import RESERVED_PREFIX, TAG_PREFIX, LeaseRecord, whole_second
from JumpstarterLibrary.lab.refusal import Refusal, invalid
from JumpstarterLibrary.lab.selector import (
    Selector,
    SelectorError,
    is_label_key,
    is_label_value,
    is_subdomain,
    parse_for_lease,
)
from JumpstarterLibrary.protocol import client_pb2

CONTEXT_ENTRIES = 8
CONTEXT_KEY_LENGTH = 32
CONTEXT_VALUE_LENGTH = 64


@dataclass(frozen=True)
class LeaseTime:
    """The begin, end and duration of a lease."""

    begin: datetime | None
    end: datetime | None
    duration: timedelta

    def stored(self) -> LeaseTime:
        """Return what of it is stored: points in time lose their fractions of a second, the duration is exact."""
        return LeaseTime(
            whole_second(self.begin) if self.begin is not None else None,
            whole_second(self.end) if self.end is not None else None,
            self.duration,
        )


def reconcile_times(begin: datetime | None, end: datetime | None, duration: timedelta | None) -> LeaseTime:
    """Return a lease's times, those computed that were not given.

    Args:
        begin: When it is to begin.
        end: When it is to end.
        duration: How long.

    Raises:
        Refusal: UNKNOWN; they do not suffice, contradict each other, or leave no time.
    """
    if begin is not None and end is not None:
        if duration is not None and duration != end - begin:
            raise Refusal(
                f"duration conflicts with begin_time and end_time: {go_duration(duration)} is not "
                f"{go_duration(end - begin)}"
            )
        duration = end - begin
    elif end is not None and duration is not None:
        begin = end - duration
    if duration is None:
        raise Refusal("duration is required (by itself, with begin_time or end_time, or as both of those)")
    if duration <= timedelta():
        raise Refusal(f"duration must be positive, got {go_duration(duration)}")
    return LeaseTime(begin, end, duration)


def times_of(lease: client_pb2.Lease) -> LeaseTime:
    """Return the times that a request gives.

    Raises:
        Refusal: As ``reconcile_times``.
    """
    return reconcile_times(
        moment(lease.begin_time) if lease.HasField("begin_time") else None,
        moment(lease.end_time) if lease.HasField("end_time") else None,
        lease.duration.ToTimedelta() if lease.HasField("duration") else None,
    )


def validate_request(lease: client_pb2.Lease, max_tags: int) -> None:
    """Check what is looked at before it is known who asks.

    Args:
        lease: The request's lease.
        max_tags: Tags that a lease may carry.

    Raises:
        Refusal: INVALID_ARGUMENT; it asks for no exporter, or its tags are wrong.
    """
    if not lease.selector and not lease.exporter_name:
        raise invalid("one of selector or exporter_name is required")
    trouble = _tag_trouble(lease.tags, min(max_tags, MAX_TAGS))
    if trouble:
        raise invalid(f"invalid lease tags: {trouble}")


def _tag_trouble(tags: Mapping[str, str], limit: int) -> str:
    if len(tags) > limit:
        return f"{len(tags)} tags, at most {limit} are allowed"
    for key, value in sorted(tags.items()):
        if key.startswith((RESERVED_PREFIX, TAG_PREFIX)):
            return f"the prefix of {key!r} is reserved"
        if "/" in key:
            return f"the key {key!r} has a slash"
        if not is_label_key(key):
            return f"{key!r} is no label key"
        if not is_label_value(value):
            return f"{value!r} is no label value (of {key!r})"
    return ""


def lease_selector(text: str) -> Selector:
    """Return the selector that a lease keeps.

    Raises:
        Refusal: UNKNOWN; the text is none.
    """
    try:
        return parse_for_lease(text)
    except SelectorError as error:
        raise Refusal(str(error)) from error


def new_lease(
    message: client_pb2.Lease, *, namespace: str, name: str, client: str, selector: Selector, now: datetime
) -> LeaseRecord:
    """Return the record of a new lease.

    Args:
        message: What is asked for.
        namespace: Where.
        name: Its name.
        client: Who asks.
        selector: Of the message, parsed.
        now: Lab time.

    Raises:
        Refusal: UNKNOWN; its times are wrong.
    """
    times = times_of(message).stored()
    tags = dict(message.tags)
    return LeaseRecord(
        namespace=namespace,
        name=name,
        client=client,
        created=now,
        selector=selector,
        exporter_name=message.exporter_name,
        duration=times.duration,
        begin=times.begin,
        end=times.end,
        tags=tags,
        context=dict(message.context),
        allow_disabled=message.allow_disabled,
        labels={**selector.equalities, **{f"{TAG_PREFIX}{key}": value for key, value in tags.items()}},
    )


def check_schema(lease: LeaseRecord) -> None:
    """Check what Kubernetes would refuse to store.

    Raises:
        Refusal: UNKNOWN.
    """
    trouble = _schema_trouble(lease)
    if trouble:
        raise Refusal(f'Lease.jumpstarter.dev "{lease.name}" is invalid: {trouble}')


def _schema_trouble(lease: LeaseRecord) -> str:
    if not is_subdomain(lease.name):
        return f'metadata.name: Invalid value: "{lease.name}": not a lowercase RFC 1123 subdomain'
    if not lease.selector and not lease.exporter_name:
        return "spec: Invalid value: one of selector or exporterRef.name is required"
    if len(lease.context) > CONTEXT_ENTRIES:
        return f"spec.context: Too many: {len(lease.context)}: must have at most {CONTEXT_ENTRIES} items"
    for key, value in sorted(lease.context.items()):
        if len(key) > CONTEXT_KEY_LENGTH or len(value) > CONTEXT_VALUE_LENGTH:
            return (
                f'spec.context: Invalid value: "{key}": keys have at most {CONTEXT_KEY_LENGTH} characters, '
                f"values {CONTEXT_VALUE_LENGTH}"
            )
    return ""


def go_duration(length: timedelta) -> str:
    """Return a length of time as Go prints it: ``1h30m0s``, ``-2s``, ``1.5s``."""
    total = abs(length)
    sign = "-" if length < timedelta() else ""
    seconds = total.total_seconds()
    if 0 < seconds < 1:
        return f"{sign}{seconds * 1000:g}ms"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{parts}{round(seconds, 6):g}s"
