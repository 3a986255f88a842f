"""Faults of leases: they end, go to another client, or are never granted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.faults.options import Option, count, names, seconds, text
from JumpstarterLibrary.lab.faults.table import lasting, once
from JumpstarterLibrary.lab.model import INVALID, UNSATISFIABLE, LeaseRecord
from JumpstarterLibrary.lab.selection import Rejection

OTHER_CLIENT = "somebody"
"""The client that has what others want."""

BUSY_S = 3600.0

LEASE = Option("name", names, "which leases; default: all that have begun", "")

REASONS = (
    "NoAccess",
    "AllDisabled",
    "ExporterNotFound",
    "SelectorMismatch",
    "ExporterDisabled",
    "SpotAccess",
    "NoExporter",
)


@once("lease", "expire", "Its time is over now.", LEASE)
async def expire(parts: LabComponents, *, name: str) -> None:
    """Let leases end by time."""
    for lease in _some(parts, name):
        parts.controller.expire(lease.name)


@once("lease", "release", "Another client releases it.", LEASE)
async def release(parts: LabComponents, *, name: str) -> None:
    """Let leases end by an administrator."""
    for lease in _some(parts, name):
        parts.controller.release(lease.name)


@once(
    "lease",
    "transfer",
    "It belongs to another client now.",
    LEASE,
    Option("client", text, "to whom; default: somebody", OTHER_CLIENT),
)
async def transfer(parts: LabComponents, *, name: str, client: str) -> None:
    """Give leases to another client."""
    leases = _some(parts, name)
    if client == OTHER_CLIENT:
        _add_other_client(parts)
    for lease in leases:
        parts.controller.transfer(lease.name, client)


@lasting(
    "lease",
    "unsatisfiable",
    "No request for a lease can be met, now or later.",
    Option("reason", text, "why", "NoAccess", REASONS),
)
async def unsatisfiable(parts: LabComponents, *, reason: str) -> AsyncIterator[None]:
    """Let requests fail for good."""
    with parts.controller.forced(
        Rejection(UNSATISFIABLE, reason, "No exporter fits the request, as a fault wants it.")
    ):
        yield


@lasting("lease", "invalid", "No request for a lease makes sense to the controller.")
async def invalid(parts: LabComponents) -> AsyncIterator[None]:
    """Let requests be invalid."""
    with parts.controller.forced(
        Rejection(INVALID, "InvalidSelector", "The selector is invalid, as a fault wants it.")
    ):
        yield


@lasting(
    "lease",
    "busy",
    "Another client, named somebody, leases every exporter that is free.",
    Option("name", names, "which exporters; default: all", ""),
    Option("duration", seconds, "for how long", BUSY_S),
)
async def busy(parts: LabComponents, *, name: str, duration: float) -> AsyncIterator[None]:
    """Let all exporters be leased."""
    _add_other_client(parts)
    free = [life.name for life in parts.exporters(name) if life.name not in parts.controller.state.held]
    held = [parts.controller.add_lease(OTHER_CLIENT, exporter, timedelta(seconds=duration)) for exporter in free]
    yield
    for lease in held:
        parts.controller.release(lease)


@lasting(
    "lease",
    "slow",
    "The controller takes its time to look for an exporter.",
    Option("delay", seconds, "how long", 1.0),
)
async def slow(parts: LabComponents, *, delay: float) -> AsyncIterator[None]:
    """Let requests wait."""
    parts.controller.set_assignment_delay(delay)
    yield
    parts.controller.set_assignment_delay(0.0)


@lasting("lease", "swap", "When its lease ends, an exporter hears of the next one without having been idle.")
async def swap(parts: LabComponents) -> AsyncIterator[None]:
    """Let leases follow each other without a message in between."""
    parts.controller.features.skip_idle = True
    yield
    parts.controller.features.skip_idle = False


@lasting(
    "lease",
    "duplicate",
    "The name of a new lease is taken already, by another client's.",
    Option("times", count, "how often; default: once", 1),
)
async def duplicate(parts: LabComponents, *, times: int) -> AsyncIterator[None]:
    """Let names be taken."""
    _add_other_client(parts)

    def take(request: Any) -> None:
        if request.lease_id and request.lease_id not in parts.controller.state.leases:
            parts.controller.add_lease(OTHER_CLIENT, OTHER_CLIENT, timedelta(hours=1), name=request.lease_id)

    fault = parts.controller.faults.add("CreateLease", act=take, times=times)
    try:
        yield
    finally:
        fault.clear()


@once("list-token", "expire", "The tokens of next pages that were handed out are too old.")
async def expire_page_tokens(parts: LabComponents) -> None:
    """Let listings fail in the middle."""
    parts.controller.expire_page_tokens()


def _some(parts: LabComponents, name: str) -> list[LeaseRecord]:
    leases = parts.leases(name)
    if not leases:
        raise UsageError("There is no lease that has begun and not ended. Acquire one first.")
    return leases


def _add_other_client(parts: LabComponents) -> None:
    if OTHER_CLIENT not in parts.controller.state.clients:
        parts.controller.add_client(OTHER_CLIENT)
