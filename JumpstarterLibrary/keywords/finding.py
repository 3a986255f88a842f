"""How a device is to be found, and which mode that means."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from JumpstarterLibrary.client.config import HOST, LEASE
from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.types import Mode, Tls

CHOICES = (
    f"Give host= (a socket path or HOST:PORT), run inside `jmp shell` (which sets {HOST}), set {LEASE} to the name of "
    f"a lease, give selector= or exporter= to lease one, or use mode=virtual for a virtual board."
)

PROGRESS = datetime.timedelta(seconds=15)
"""Time between two lines about the wait for a lease."""


@dataclass(frozen=True)
class Finding:
    """How a device is to be found.

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

    def resolved_mode(self, environ: Mapping[str, str]) -> Mode:
        """Return the mode that ``auto`` stands for; any other is what it is.

        Raises:
            ConfigurationError: There is nothing to decide by, or ``host`` contradicts the mode.
        """
        if self.host is not None and self.mode not in (Mode.auto, Mode.direct):
            raise ConfigurationError(
                f"host= and mode={self.mode.value} contradict each other. Leave one of the two out."
            )
        if self.mode is Mode.direct and self.host is None:
            raise ConfigurationError("mode=direct needs host=: the socket path or HOST:PORT of an exporter.")
        if self.mode is Mode.lease and self.request is None and not environ.get(LEASE):
            raise ConfigurationError(
                f"mode=lease needs to know what to lease. Give selector= or exporter=, or set {LEASE} to the name of a "
                f"lease."
            )
        if self.mode is not Mode.auto:
            return self.mode
        if self.host is not None:
            return Mode.direct
        if environ.get(HOST):
            return Mode.shell
        if environ.get(LEASE) or self.request is not None:
            return Mode.lease
        raise ConfigurationError(
            f"There is no device: no host=, selector= or exporter= was given, and neither {HOST} nor {LEASE} is set. "
            f"{CHOICES}"
        )
