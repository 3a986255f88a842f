"""Describe which device is wanted, and how it is connected."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.types import Mode, Tls

PROGRESS = datetime.timedelta(seconds=15)
"""Time between two lines about the wait for a lease."""


@dataclass(frozen=True)
class DeviceRequest:
    """Which device is wanted, and how it is connected.

    Attributes:
        mode: Where to look.
        host: Socket path or HOST:PORT, for direct mode.
        tls: How TCP is secured; None for the environment's word.
        ca: PEM file of the authorities to trust.
        passphrase: The exporter's passphrase; None for the environment's.
        timeout: For the exporter's first answer, in direct and shell mode; None for what the timing says.
        request: What is leased; None for nothing.
        lease_timeout: How long a lease may take, with its connection; None for what the client configuration says.
        progress: Time between two lines about the wait for a lease.
        timing: The time limits and pauses of the device; None for those of the library.
    """

    mode: Mode = Mode.auto
    host: str | None = None
    tls: Tls | None = None
    ca: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    timeout: datetime.timedelta | None = None
    request: LeaseRequest | None = None
    lease_timeout: Seconds = None
    progress: datetime.timedelta = PROGRESS
    timing: Timing | None = None
