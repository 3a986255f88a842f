"""An exporter's statuses and the sources of its log lines, as upstream's enumerations."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

HOOK_WARNING_PREFIX = "[HOOK_WARNING] "
"""How an exporter's status message begins where a hook failed and the exporter goes on."""


class _WireEnum(IntEnum):
    """A number of the protocol, with a name."""

    def __str__(self) -> str:
        return self.name

    @classmethod
    def from_proto(cls, value: int) -> Self:
        """Return the member of a number on the wire.

        Raises:
            ValueError: There is none.
        """
        return cls(value)

    def to_proto(self) -> int:
        """Return the number on the wire."""
        return int(self.value)


class ExporterStatus(_WireEnum):
    """The status of an exporter."""

    UNSPECIFIED = 0
    OFFLINE = 1
    AVAILABLE = 2
    BEFORE_LEASE_HOOK = 3
    LEASE_READY = 4
    AFTER_LEASE_HOOK = 5
    BEFORE_LEASE_HOOK_FAILED = 6
    AFTER_LEASE_HOOK_FAILED = 7


class LogSource(_WireEnum):
    """The source of a log line."""

    UNSPECIFIED = 0
    DRIVER = 1
    BEFORE_LEASE_HOOK = 2
    AFTER_LEASE_HOOK = 3
    SYSTEM = 4
