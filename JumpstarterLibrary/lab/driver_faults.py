"""Faults of drivers."""

from __future__ import annotations

from JumpstarterLibrary.exporter.driver import Driver


class DriverFaults:
    """Faults."""

    def watched(self, root: Driver) -> Driver:
        """Return it."""
        return root
