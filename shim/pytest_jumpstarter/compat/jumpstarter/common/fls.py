"""Upstream's module name, served by robotframework-jumpstarter: the module itself, so that tests can replace parts."""

import sys

from pytest_jumpstarter.upstream_api.exporter import fls
from pytest_jumpstarter.upstream_api.exporter.fls import download_fls, get_fls_binary, get_fls_github_url

__all__ = ["download_fls", "get_fls_binary", "get_fls_github_url"]

sys.modules[__name__] = fls
