"""The proxy for every driver that has none of its own."""

from __future__ import annotations

from JumpstarterLibrary.client.drivers.base import DriverProxy


class GenericProxy(DriverProxy):
    """A driver of a kind that we do not know: ``call``, ``streamingcall`` and ``stream`` reach all that it has."""
