"""Upstream's name for: clients of file stores, flashers and storage muxes."""

from pytest_jumpstarter.upstream_api.clients.files import OpendalClient, OpendalFile
from pytest_jumpstarter.upstream_api.clients.flasher import FlasherClient, FlasherClientInterface
from pytest_jumpstarter.upstream_api.clients.mux import StorageMuxClient, StorageMuxFlasherClient
from pytest_jumpstarter.upstream_api.clients.transfers import clean_filename, operator_for_path, path_with_query

__all__ = [
    "FlasherClient",
    "FlasherClientInterface",
    "OpendalClient",
    "OpendalFile",
    "StorageMuxClient",
    "StorageMuxFlasherClient",
    "clean_filename",
    "operator_for_path",
    "path_with_query",
]
