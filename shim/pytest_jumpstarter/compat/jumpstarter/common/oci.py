"""Upstream's module name, served by robotframework-jumpstarter: the module itself, so that tests can replace parts."""

import sys

from pytest_jumpstarter.upstream_api.exporter import oci
from pytest_jumpstarter.upstream_api.exporter.oci import (
    OciCredentials,
    parse_oci_registry,
    read_auth_file_credentials,
    resolve_oci_credentials,
)

__all__ = ["OciCredentials", "parse_oci_registry", "read_auth_file_credentials", "resolve_oci_credentials"]

sys.modules[__name__] = oci
