"""Leases: asking a controller for an exporter, the tunnel to it, and the guaranteed end."""

from __future__ import annotations
