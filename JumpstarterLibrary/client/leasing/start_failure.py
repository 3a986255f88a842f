"""Leases that their exporter could not start, as a client hears of them: by the exporter's status."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from JumpstarterLibrary.errors import ExporterNotReady

_SHOWN = re.compile(r"Lease '(?P<lease>[^']+)' could not be started: (?P<reason>.*)", re.DOTALL)


@dataclass(frozen=True)
class StartFailure:
    """A lease that its exporter could not start, mostly because a driver could not be made.

    Attributes:
        lease: The lease for which the exporter shows it.
        reason: The driver's sentence.
        back: Whether the exporter takes leases again.
    """

    lease: str
    reason: str
    back: bool = False

    @classmethod
    def of(cls, status: str, message: str, lease: str) -> Self | None:
        """Return the failure that an exporter's status tells of; None if it tells of none.

        An exporter that is offline because of an earlier lease cannot start this one either. One that is available
        again shows the failure until its next lease, since a client may not have seen it before.

        Args:
            status: The exporter's status.
            message: The text of the status.
            lease: The lease that the client has.
        """
        shown = _SHOWN.search(message) if status in ("OFFLINE", "AVAILABLE") else None
        if shown is None or (status == "AVAILABLE" and shown["lease"] != lease):
            return None
        return cls(shown["lease"], shown["reason"].rstrip("."), status == "AVAILABLE")

    def error(self, exporter: str, lease: str, _lines: str = "") -> ExporterNotReady:
        """Return the error that tells of it.

        Args:
            exporter: The exporter's name.
            lease: The lease's name.
        """
        next_step = (
            "It works again; acquire it once more." if self.back else "It takes no lease until its drivers start."
        )
        return ExporterNotReady(f"Exporter '{exporter}' could not start lease '{lease}': {self.reason}. {next_step}")
