"""Upstream's name for: comparing snapshots by their hashes."""

from pytest_jumpstarter.upstream_api.imagehash import ImageHash

__all__ = ["ImageHash"]
