"""Records of the controller: exporters, clients and leases, with their conditions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from JumpstarterLibrary.lab.selector import Selector
from JumpstarterLibrary.lab.tokens import subject
from JumpstarterLibrary.protocol import common_pb2

READY = "Ready"
PENDING = "Pending"
UNSATISFIABLE = "Unsatisfiable"
INVALID = "Invalid"

RESERVED_PREFIX = "jumpstarter.dev/"
"""Prefix of the labels that belong to the service; those of an exporter come with Register."""

TAG_PREFIX = "metadata.jumpstarter.dev/"
"""Prefix of the label that stands for a tag of a lease."""

ENDED_LABEL = "jumpstarter.dev/lease-ended"

OFFLINE = common_pb2.EXPORTER_STATUS_OFFLINE
AVAILABLE = common_pb2.EXPORTER_STATUS_AVAILABLE
NO_STATUS = common_pb2.EXPORTER_STATUS_UNSPECIFIED
"""Nothing reported, or taken back; counts as leasable."""


def whole_second(moment: datetime) -> datetime:
    """Return a time as Kubernetes stores it: without fractions of a second."""
    return moment.replace(microsecond=0)


def _uid() -> str:
    return str(uuid4())


@dataclass
class ClientRecord:
    """A client object.

    Attributes:
        namespace: Where it is.
        name: Its name.
        labels: What access policies look at.
        username: The user name of an external issuer that may also be it.
        uid: Changes when it is deleted and made again.
    """

    namespace: str
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    username: str | None = None
    uid: str = field(default_factory=_uid)

    @property
    def subject(self) -> str:
        """The subject of its internal tokens."""
        return subject("client", self.namespace, self.name, self.uid)


@dataclass
class DriverReport:
    """One driver of an exporter, as it was registered."""

    uuid: str
    parent_uuid: str | None
    labels: dict[str, str]


@dataclass
class ExporterRecord:
    """An exporter object.

    Attributes:
        namespace: Where it is.
        name: Its name.
        labels: Its labels, those of the service included.
        enabled: False: not leased, except to those who allow it.
        username: The user name of an external issuer that may also be it.
        uid: Changes when it is deleted and made again; what Register answers.
        devices: Its drivers, as registered; empty when it is not.
        online: Whether it was heard of in the last minute, and did not say that it goes.
        last_seen: Lab second when it was last heard of; None: never.
        open_streams: Status streams that are open; as long as one is, it counts as heard of.
        status: What it last reported, an ``ExporterStatus``.
        status_message: The text that went with it.
        lease: Name of the lease that it has been told of; None when idle.
    """

    namespace: str
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    username: str | None = None
    uid: str = field(default_factory=_uid)
    devices: list[DriverReport] = field(default_factory=list)
    online: bool = False
    last_seen: float | None = None
    open_streams: int = 0
    status: int = NO_STATUS
    status_message: str = ""
    lease: str | None = None

    @property
    def subject(self) -> str:
        """The subject of its internal tokens."""
        return subject("exporter", self.namespace, self.name, self.uid)

    @property
    def registered(self) -> bool:
        """Whether it has registered, which takes at least one driver."""
        return bool(self.devices)


@dataclass
class LeaseCondition:
    """One statement about a lease.

    Attributes:
        type: ``Pending``, ``Ready``, ``Unsatisfiable`` or ``Invalid``.
        status: Whether it holds.
        reason: One word; stable.
        message: A sentence for people.
        since: When ``status`` last changed; a new reason alone does not count.
        generation: The generation of the lease that it speaks of.
    """

    type: str
    status: bool
    reason: str
    message: str
    since: datetime
    generation: int


@dataclass
class LeaseRecord:
    """A lease object: what was asked for, and what became of it.

    Attributes:
        namespace: Where it is.
        name: Its name, never used again.
        client: Name of the client that has it.
        created: When it was made.
        selector: Which exporters would do.
        exporter_name: The one exporter that would do.
        duration: How long; None is possible through the legacy RequestLease only.
        begin: When it is to begin at the earliest.
        end: When it is to end.
        tags: The client's own marks.
        context: The client's own words for the exporter's hooks.
        allow_disabled: Exporters that are not enabled will do, too.
        release: Its client, its exporter or an administrator has asked to end it.
        expired: A test or a fault has ended its time.
        labels: The equality part of the selector, the tags, and whether it has ended.
        exporter: Name of the exporter it got; stays after its end.
        priority: Of the policy by which it got it.
        spot: Whether that policy grants spot access.
        effective_begin: When it got the exporter.
        effective_end: When it ended.
        ended: Whether it did.
        conditions: In the order in which they first came up.
        generation: Counts changes of what is asked for.
    """

    namespace: str
    name: str
    client: str
    created: datetime
    selector: Selector = field(default_factory=Selector)
    exporter_name: str = ""
    duration: timedelta | None = None
    begin: datetime | None = None
    end: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)
    allow_disabled: bool = False
    release: bool = False
    expired: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    exporter: str | None = None
    priority: int = 0
    spot: bool = False
    effective_begin: datetime | None = None
    effective_end: datetime | None = None
    ended: bool = False
    conditions: list[LeaseCondition] = field(default_factory=list)
    generation: int = 1

    @property
    def labelled_ended(self) -> bool:
        """Whether its end is in its labels, by which lists know it; that comes a moment after the end itself."""
        return ENDED_LABEL in self.labels

    def condition(self, kind: str) -> LeaseCondition | None:
        """Return a condition; None when it never came up."""
        return next((condition for condition in self.conditions if condition.type == kind), None)

    def holds(self, kind: str) -> bool:
        """Whether a condition came up and is true."""
        condition = self.condition(kind)
        return condition is not None and condition.status

    def set_condition(self, kind: str, status: bool, reason: str, message: str, now: datetime) -> None:
        """Set a condition of the lease; it replaces the one of the same kind."""
        condition = self.condition(kind)
        if condition is None:
            self.conditions.append(LeaseCondition(kind, status, reason, message, whole_second(now), self.generation))
            return
        if condition.status != status:
            condition.since = whole_second(now)
        condition.status, condition.reason, condition.message = status, reason, message
        condition.generation = self.generation

    def finish(self, now: datetime) -> None:
        """End the lease."""
        self.ended = True
        self.effective_end = whole_second(now)

    @property
    def expiry(self) -> datetime | None:
        """When its time is over; None as long as it has no exporter."""
        if self.effective_begin is None:
            return None
        if self.end is not None:
            return self.end
        try:
            return (self.begin or self.effective_begin) + (self.duration or timedelta())
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)

    @property
    def wanted_time(self) -> timedelta:
        """How long it was asked for, which access policies look at."""
        if self.duration is not None:
            return self.duration
        return self.end - self.begin if self.end and self.begin else timedelta()

    def copy(self) -> LeaseRecord:
        """Return a copy that does not change any more."""
        return replace(
            self,
            tags=dict(self.tags),
            context=dict(self.context),
            labels=dict(self.labels),
            conditions=[replace(condition) for condition in self.conditions],
        )
