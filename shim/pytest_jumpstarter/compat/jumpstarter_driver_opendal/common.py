"""Upstream's name for: what file stores tell of files and of themselves."""

from pytest_jumpstarter.upstream_api.clients.filerecords import Capability, EntryMode, Metadata, PresignedRequest
from pytest_jumpstarter.upstream_api.clients.files import HashAlgo, Mode
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf

__all__ = ["Capability", "EntryMode", "HashAlgo", "Metadata", "Mode", "PathBuf", "PresignedRequest"]
