"""Upstream's name for: the errors about leases."""

from pytest_jumpstarter.upstream_api.config.exceptions import LeaseError

__all__ = ["LeaseError"]
