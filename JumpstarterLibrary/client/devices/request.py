"""Describe which device is wanted, and how it is connected."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.client.devices.mode import ConnectionMode, resolve_mode
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.types import Mode, Scope, Tls

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
        scope: How long the device is kept for others that request the same.
        subject: What wants the device, for messages: ``test class TestBoot``; empty where messages need no mention.
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
    scope: Scope = Scope.run
    subject: str = ""

    def resolve_mode(self, *, lab: bool = False, environ: Mapping[str, str] = os.environ) -> ConnectionMode:
        """Decide how the device is connected; see ``mode.resolve_mode``.

        Args:
            lab: Whether the run has a virtual lab that stands in for the controller. Default: no.
            environ: The environment.

        Raises:
            ConfigurationError: Nothing says which device it is.
        """
        return resolve_mode(
            self.mode, host=self.host, request=self.request, lab=lab, subject=self.subject, environ=environ
        )

    @property
    def target(self) -> tuple[str | None, str | None, str | None] | None:
        """What another request has to name as well to share the device; None where nothing is leased."""
        return None if self.request is None else self.request.target
