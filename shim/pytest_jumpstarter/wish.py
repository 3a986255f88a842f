"""What a test class wants of a lease."""

from __future__ import annotations

import datetime
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a test class wants of a lease; its attributes of the same names are in ``JumpstarterTest``.

    Attributes:
        selector: Label expression of the exporter.
        exporter: Its name.
        duration: How long the lease lasts.
        max_duration: Up to which length it is extended by itself; None for never.
        timeout: How long it may take, with the connection; None for what the client configuration says.
    """

    selector: str | None = None
    exporter: str | None = None
    duration: datetime.timedelta = datetime.timedelta(minutes=30)
    max_duration: datetime.timedelta | None = None
    timeout: datetime.timedelta | None = None
