"""Upstream's name for: how shells are started."""

from pytest_jumpstarter.upstream_api.config.sections import ShellConfigV1Alpha1

__all__ = ["ShellConfigV1Alpha1"]
