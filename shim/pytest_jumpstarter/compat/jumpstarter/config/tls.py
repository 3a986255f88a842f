"""Upstream's name for: how connections to a controller are secured."""

from pytest_jumpstarter.upstream_api.config.sections import TLSConfigV1Alpha1

__all__ = ["TLSConfigV1Alpha1"]
