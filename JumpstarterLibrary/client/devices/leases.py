"""Make leases for the devices of a run: tags, context, the token's time, and the length of a shared lease."""

from __future__ import annotations

import datetime
import logging
import os
from collections.abc import Mapping

from JumpstarterLibrary.client.ci import ENTRIES, TAGS, ci_context, ci_tags, label_value
from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.errors import InfrastructureError, UsageError

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


def extend_shared_lease(
    device: Device, duration: datetime.timedelta, max_duration: datetime.timedelta | None = None
) -> None:
    """Make the lease of a device that is shared last as long as the new owner asks. Trouble goes to the log.

    Args:
        device: The device. Nothing is done where it has no lease of ours.
        duration: How long the lease shall last from now.
        max_duration: How long the lease may extend itself. Default: not at all.
    """
    if not isinstance(device, LeasedDevice) or not device.lease.ours:
        return
    try:
        device.lease.last_at_least(duration, max_duration)
    except InfrastructureError as error:
        logger.warning("The shared lease '%s' may be shorter than asked for: %s", device.lease.name, error)
