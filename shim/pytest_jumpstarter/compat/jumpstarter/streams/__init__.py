"""Upstream's package name, served by robotframework-jumpstarter."""
