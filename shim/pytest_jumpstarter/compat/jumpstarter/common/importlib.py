"""Upstream's name for: importing client classes by their path."""

from pytest_jumpstarter.upstream_api.clients.importing import advice as _format_missing_driver_message
from pytest_jumpstarter.upstream_api.clients.importing import cached_import, import_class

__all__ = ["_format_missing_driver_message", "cached_import", "import_class"]
