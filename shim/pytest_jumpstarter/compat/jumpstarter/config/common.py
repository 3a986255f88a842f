"""Upstream's name for: what the configurations of clients and exporters have in common."""

from pytest_jumpstarter.upstream_api.config.files import CONFIG_API_VERSION
from pytest_jumpstarter.upstream_api.config.sections import ObjectMeta

__all__ = ["CONFIG_API_VERSION", "ObjectMeta"]


def __getattr__(name):
    if name == "CONFIG_PATH":
        from JumpstarterLibrary.client.settings import config_home

        return config_home()
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
