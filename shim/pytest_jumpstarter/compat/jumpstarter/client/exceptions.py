"""Upstream's name for: the errors about leases."""

from pytest_jumpstarter.configs.exceptions import LeaseError

__all__ = ["LeaseError"]
