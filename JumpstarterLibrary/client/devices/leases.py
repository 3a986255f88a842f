"""Make leases for the devices of a run: tags, context, the token's time, and the length of a shared lease."""

from __future__ import annotations

import datetime
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from JumpstarterLibrary.client.ci import ENTRIES, TAGS, ci_context, ci_tags, label_value
from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.common.durations import LONGEST
from JumpstarterLibrary.errors import InfrastructureError, UsageError
from JumpstarterLibrary.hints import argument

logger = logging.getLogger(__name__)


def read_tags(own: Mapping[str, object]) -> dict[str, str]:
    """Return tags that a user gives as texts, checked.

    Raises:
        UsageError: There are too many, or a value cannot be the value of a label.
    """
    tags = {str(key): str(value) for key, value in own.items()}
    if len(tags) > TAGS:
        raise UsageError(f"A lease can have {TAGS} tags, not {len(tags)}.")
    for key, value in tags.items():
        if value != label_value(value):
            raise UsageError(
                f"The tag {key}={value} is not possible: a value has up to 63 letters, digits, '-', '_' and '.', with "
                f"a letter or digit at both ends. Try '{label_value(value)}'."
            )
    return tags


def lease_tags(own: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return tags for a lease: the given ones, and as many of those of the CI system as there may be besides."""
    return {**ci_tags(environ, at_most=TAGS - len(own)), **own}


def lease_context(own: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return context for a lease: the given entries, and as many of those of the CI system as there may be besides."""
    merged = {**own, **{key: text for key, text in ci_context(environ).items() if key not in own}}
    return dict(list(merged.items())[: max(ENTRIES, len(own))])


def add_ci_metadata(request: LeaseRequest, environ: Mapping[str, str] = os.environ) -> LeaseRequest:
    """Return a request with the tags and the context of the CI system beside its own ones."""
    tags, context = lease_tags(request.tags or {}, environ), lease_context(request.context or {}, environ)
    return replace(request, tags=tags, context=context)


def check_lease_time(
    duration: datetime.timedelta,
    max_duration: datetime.timedelta | None,
    names: tuple[str, str] = (argument("duration"), argument("max_duration")),
) -> None:
    """Check how long a lease is to last.

    Args:
        duration: The length of the lease.
        max_duration: The length up to which it extends itself; None for never.
        names: What a user calls the two.

    Raises:
        UsageError: A lease cannot last so long, or may extend itself to less than its length.
    """
    asked = format_duration(duration.total_seconds())
    if not datetime.timedelta(0) < duration <= LONGEST:
        raise UsageError(f"{names[0]} has to be longer than nothing and at most {LONGEST.days} days, not {asked}.")
    if max_duration is not None and max_duration < duration:
        raise UsageError(
            f"{names[1]} ({format_duration(max_duration.total_seconds())}) is shorter than {names[0]} ({asked}). Give "
            f"a longer one, or leave it out."
        )


def connect_leased(
    service: LeaseService,
    wanted: DeviceRequest,
    lease: str | None,
    events: Events,
    *,
    tick: Callable[[], None] = lambda: None,
    follow_logs: bool = False,
    held: Mapping[str, str] | None = None,
) -> LeasedDevice:
    """Lease a device, or connect to the exporter of an existing lease.

    Args:
        service: Leases the device, and will release it.
        wanted: What is wanted.
        lease: The name of the existing lease; None for a lease of our own.
        events: The events of the device.
        tick: Called several times a second, in the waiting thread.
        follow_logs: Whether the exporter's log is emitted as events from the first line on.
        held: The leases that the run holds already, by name, with what uses them in words.

    Raises:
        ConfigurationError: Nothing says what to lease, or from which controller.
        InfrastructureError: See ``LeaseService``.
    """
    if lease is not None:
        return service.attach(
            lease, wanted.lease_timeout, events=events, tick=tick, follow_logs=follow_logs, timing=wanted.timing
        )
    request = wanted.request or LeaseRequest()
    warn_of_token(service.controller.settings, request, events)
    return service.lease(
        request,
        wanted.lease_timeout,
        progress=wanted.progress,
        events=events,
        tick=tick,
        follow_logs=follow_logs,
        timing=wanted.timing,
        held=held,
    )


def warn_of_token(settings: ClientSettings, request: LeaseRequest, events: Events) -> None:
    """Emit a warning if the client's token ends before the lease may end."""
    expiry = settings.token_expiry()
    if expiry is None:
        return
    left = expiry - datetime.datetime.now(datetime.UTC)
    if datetime.timedelta(0) < left < (request.max_duration or request.duration):
        minutes = int(left.total_seconds() // 60)
        text = (
            f"The token of client '{settings.name}' ({settings.source}) expires in {minutes} "
            f"minute{'s' * (minutes != 1)}, before the lease may end. Log in again before long: jmp login."
        )
        events.emit(Notice(text, "WARN"))


def extend_shared_lease(device: Device, request: LeaseRequest) -> None:
    """Make the lease of a device that is shared last as long as the new owner requests. Trouble goes to the log.

    Args:
        device: The device. Nothing is done where it has no lease of ours.
        request: The new owner's request.
    """
    if not isinstance(device, LeasedDevice) or not device.lease.ours:
        return
    try:
        device.lease.last_at_least(request.duration, request.max_duration)
    except InfrastructureError as error:
        logger.warning("The shared lease '%s' may be shorter than asked for: %s", device.lease.name, error)
