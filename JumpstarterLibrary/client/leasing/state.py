"""Read the controller's answer about a lease, in the only order that is right."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.protocol import client_pb2


class Phase(enum.Enum):
    """Where a lease is in its life."""

    waiting = "waiting"
    """The controller has no exporter for it yet."""
    ready = "ready"
    """It has an exporter."""
    unsatisfiable = "unsatisfiable"
    """Nothing will ever fit it."""
    invalid = "invalid"
    """The controller refused the request."""
    expired = "expired"
    """Its time is over."""
    released = "released"
    """It was released: by its owner, its exporter or an administrator."""

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self not in (Phase.waiting, Phase.ready)


@dataclass(frozen=True)
class LeaseState:
    """One answer of the controller.

    Attributes:
        name: The lease's name.
        phase: Where it is in its life.
        reason: The controller's stable word for it: ``NotAvailable``, ``Offline``, ``NoAccess``; empty if it has none.
        message: The controller's own words.
        selector: The label expression that was asked for; empty if an exporter was asked for by name.
        wanted_exporter: The exporter that was asked for by name; empty if none was.
        exporter: The exporter that it has; empty while it has none.
        client: The client that owns it.
        duration: What was asked for.
        begin: When it began; None while it has not.
        elapsed: How long it had lasted by the controller's clock when it answered.
        planned_end: When it will end; None while that cannot be known.
        end: When it ended; None while it lasts, and where it never began.
        tags: The tags that it was asked for with.
        context: Its context metadata.
    """

    name: str
    phase: Phase
    reason: str
    message: str
    selector: str
    wanted_exporter: str
    exporter: str
    client: str
    duration: datetime.timedelta
    begin: datetime.datetime | None
    elapsed: datetime.timedelta
    planned_end: datetime.datetime | None
    end: datetime.datetime | None
    tags: dict[str, str]
    context: dict[str, str]

    @classmethod
    def of(cls, lease: client_pb2.Lease) -> LeaseState:
        """Read the controller's answer."""
        phase, reason, message = _phase(lease)
        begin = _time(lease, "effective_begin_time")
        duration = lease.duration.ToTimedelta()
        return cls(
            name=_last(lease.name),
            phase=phase,
            reason=reason,
            message=message,
            selector="" if lease.selector == "<none>" else lease.selector,
            wanted_exporter=lease.exporter_name,
            exporter=_last(lease.exporter),
            client=_last(lease.client),
            duration=duration,
            begin=begin,
            elapsed=lease.effective_duration.ToTimedelta(),
            planned_end=_planned_end(lease, begin, duration),
            end=_time(lease, "effective_end_time"),
            tags=dict(lease.tags),
            context=dict(lease.context),
        )

    @property
    def time_left(self) -> datetime.timedelta | None:
        """How long it still lasts by the controller's clock, never below zero; None while that cannot be known.

        The clock of this machine is not asked, since it may be wrong.
        """
        if self.phase.over:
            return datetime.timedelta(0)
        if self.begin is None or self.planned_end is None:
            return None
        return max(datetime.timedelta(0), self.planned_end - (self.begin + self.elapsed))


def _phase(lease: client_pb2.Lease) -> tuple[Phase, str, str]:
    """Return the phase with its reason and message.

    A condition ``Pending`` is never taken back by the controller, and ``Ready`` turns False at the end: so readiness is
    asked first, final refusals next, and an end last.
    """
    conditions = {condition.type: condition for condition in lease.conditions}

    def says(kind: str, status: str) -> bool:
        return kind in conditions and conditions[kind].status == status

    for kind, status, phase in (
        ("Ready", "True", Phase.ready),
        ("Unsatisfiable", "True", Phase.unsatisfiable),
        ("Invalid", "True", Phase.invalid),
        ("Ready", "False", Phase.released),
    ):
        if says(kind, status):
            found = conditions[kind]
            if phase is Phase.released and found.reason == "Expired":
                phase = Phase.expired
            return phase, found.reason, found.message
    pending = conditions.get("Pending")
    if pending is not None and pending.status == "True":
        return Phase.waiting, pending.reason, pending.message
    if lease.HasField("begin_time"):
        return Phase.waiting, "Scheduled", f"it begins at {_time(lease, 'begin_time')}"
    return Phase.waiting, "", ""


def _planned_end(
    lease: client_pb2.Lease, begin: datetime.datetime | None, duration: datetime.timedelta
) -> datetime.datetime | None:
    """Return when the controller will end it: a fixed end first, then a fixed begin, then the real begin."""
    end = _time(lease, "end_time")
    if end is not None:
        return end
    start = _time(lease, "begin_time") or begin
    try:
        return start + duration if start is not None else None
    except OverflowError:
        return None  # so far away that there is no date for it


def _time(lease: Any, field: str) -> datetime.datetime | None:
    if not lease.HasField(field):
        return None
    found: datetime.datetime = getattr(lease, field).ToDatetime(tzinfo=datetime.UTC)
    return found


def _last(path: str) -> str:
    """Return the bare name of a resource path; a bare name is what it is."""
    return path.rpartition("/")[2]
