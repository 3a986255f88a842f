"""Decompression as a stream, for exporters that cannot do it and for hashes of what arrives on the medium."""

from __future__ import annotations

from collections.abc import Iterator

from JumpstarterLibrary.common import compression as common
from JumpstarterLibrary.errors import TransferError, UsageError
from JumpstarterLibrary.types import Compression

INSTEAD = f"Install {common.ZSTD_PACKAGE}, decompress the image first, or use gzip, xz or bz2."
"""What to try where this Python cannot decompress an image."""


def can_decompress(compression: Compression) -> bool:
    """Whether this Python can decompress that."""
    return common.can_decompress(compression.value)


class Decompressor:
    """Decompresses an image in pieces of at most 1 MiB; see ``common.compression``.

    Args:
        compression: What the bytes are compressed with.

    Raises:
        UsageError: This Python cannot decompress that.
    """

    def __init__(self, compression: Compression) -> None:
        if not can_decompress(compression):
            raise UsageError(f"This Python cannot decompress {compression.value}. {INSTEAD}")
        self._name = compression.value
        self._inner = common.IncrementalDecompressor(self._name)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what some compressed bytes give, piece by piece.

        Raises:
            TransferError: They are not compressed bytes of that kind.
        """
        self._inner.feed(data)
        try:
            while piece := self._inner.read():
                yield piece
        except common.TooMuchMemory as error:
            raise TransferError(f"The image cannot be decompressed here: {error.reason}.") from error
        except common.CompressionError as error:
            raise TransferError(f"The image is not valid {self._name} data: {error.reason}.") from error

    def finish(self) -> None:
        """Check that the last stream ended.

        Raises:
            TransferError: The compressed data is truncated.
        """
        try:
            self._inner.finish()
        except common.CompressionError as error:
            raise TransferError(f"The image is truncated: its {self._name} data ends too early.") from error
