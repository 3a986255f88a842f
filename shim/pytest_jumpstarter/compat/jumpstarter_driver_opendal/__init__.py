"""Upstream's package of this name."""
