"""Upstream's name for: this adapter."""

from pytest_jumpstarter.clients.adapters.expect import PexpectAdapter

__all__ = ["PexpectAdapter"]
