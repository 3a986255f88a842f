"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.guards import PASSPHRASE_METADATA_KEY, PassphraseInterceptor

__all__ = ["PASSPHRASE_METADATA_KEY", "PassphraseInterceptor"]
