"""Upstream's name for: comparing snapshots by their hashes."""

from pytest_jumpstarter.imagehash import ImageHash

__all__ = ["ImageHash"]
