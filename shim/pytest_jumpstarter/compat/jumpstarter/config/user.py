"""Upstream's name for: the user's configuration."""

from pytest_jumpstarter.upstream_api.config.user import UserConfigV1Alpha1, UserConfigV1Alpha1Config

__all__ = ["UserConfigV1Alpha1", "UserConfigV1Alpha1Config"]
