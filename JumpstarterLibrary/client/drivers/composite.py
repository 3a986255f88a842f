"""Composite drivers: nothing but children."""

from __future__ import annotations

from JumpstarterLibrary.client.drivers.base import DriverProxy


class CompositeProxy(DriverProxy):
    """A driver that only groups others."""

    LABELS: tuple[str, ...] = ("jumpstarter_driver_composite.client.CompositeClient",)
    METHODS = False
