"""Upstream's name for: how a client or exporter identifies itself to its controller."""

from pytest_jumpstarter.upstream_api.config.channel import call_credentials

__all__ = ["call_credentials"]
