"""Upstream's name for: files of OpenDAL's as arguments of driver calls."""

from pytest_jumpstarter.upstream_api.clients.adapters.opendal import OpendalAdapter

__all__ = ["OpendalAdapter"]
