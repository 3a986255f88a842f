"""Upstream's Python interface, for tests, drivers and clients that were written for it. Only they import it."""
