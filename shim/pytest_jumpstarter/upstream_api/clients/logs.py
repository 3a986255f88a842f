"""The exporter's log in Python's loggers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.events import Event, LogRecord

LOGGERS = {
    "DRIVER": "exporter:driver",
    "BEFORE_LEASE_HOOK": "exporter:beforeLease",
    "AFTER_LEASE_HOOK": "exporter:afterLease",
}
"""Names of loggers by the source of a line."""

OTHERS = "exporter:system"


@contextmanager
def logged(device: Device, *, all_lines: bool = True) -> Iterator[None]:
    """Copy an exporter's log to loggers while the block runs.

    Args:
        device: The exporter's device.
        all_lines: Whether the lines of drivers and of the exporter itself are wanted, not only those of hooks.
    """

    def put(event: Event) -> None:
        if isinstance(event, LogRecord) and (all_lines or event.source.endswith("HOOK")):
            logger = logging.getLogger(LOGGERS.get(event.source, OTHERS))
            logger.log(logging.getLevelNamesMapping().get(event.severity, logging.INFO), "%s", event.message)

    device.link.events.subscribe(put)
    try:
        with device.following_logs():
            yield
    finally:
        device.link.events.unsubscribe(put)
