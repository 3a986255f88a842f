"""The virtual lab: what a newcomer runs first, and what proves the rest."""

from __future__ import annotations

from JumpstarterLibrary.lab.local import LocalExporter

__all__ = ["LocalExporter"]
