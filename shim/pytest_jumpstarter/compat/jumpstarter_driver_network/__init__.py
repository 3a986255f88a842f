"""Upstream's package name, served by robotframework-jumpstarter; see its setting ``jumpstarter_compat``."""
