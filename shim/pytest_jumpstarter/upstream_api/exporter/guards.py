"""The passphrase of an exporter's TCP port."""

from __future__ import annotations

from JumpstarterLibrary.exporter.passphrase import PASSPHRASE_KEY as PASSPHRASE_METADATA_KEY
from JumpstarterLibrary.exporter.passphrase import PassphraseInterceptor

__all__ = ["PASSPHRASE_METADATA_KEY", "PassphraseInterceptor"]
