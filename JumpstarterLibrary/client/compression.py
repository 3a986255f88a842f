"""Decompression as a stream, for exporters that cannot do it and for hashes of what arrives on the medium."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from JumpstarterLibrary.errors import TransferError, UsageError
from JumpstarterLibrary.types import Compression


def can_decompress(compression: Compression) -> bool:
    """Whether this Python can decompress that."""
    return compression in _MAKE


class Decompressor:
    """Decompresses in pieces; several compressed streams in a row count as one, as the command line tools have it.

    Args:
        compression: What the bytes are compressed with.

    Raises:
        UsageError: This Python cannot decompress that.
    """

    OUTPUT = 1024 * 1024
    """Bytes of the largest piece, so that a highly compressed image needs no memory."""

    def __init__(self, compression: Compression) -> None:
        if not can_decompress(compression):
            raise UsageError(
                f"This Python cannot decompress {compression.value}. "
                f"Decompress the image first, or use gzip, xz or bz2."
            )
        self._make = _MAKE[compression]
        self._name = compression.value
        self._engine: Any = self._make()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what some compressed bytes give, piece by piece.

        Raises:
            TransferError: They are not compressed bytes of that kind.
        """
        while data or not self._needs_input():
            if self._engine.eof:
                data = data.lstrip(b"\0")  # padding between streams, or behind the last one
                if not data:
                    break
                self._engine = self._make()
            piece, data = self._decompress(data)
            if piece:
                yield piece

    def finish(self) -> None:
        """Check that the last stream ended.

        Raises:
            TransferError: The compressed data is truncated.
        """
        if not self._engine.eof:
            raise TransferError(f"The image is truncated: its {self._name} data ends too early.")

    def _needs_input(self) -> bool:
        return self._engine.eof or getattr(self._engine, "needs_input", True)

    def _decompress(self, data: bytes) -> tuple[bytes, bytes]:
        try:
            piece = self._engine.decompress(data, self.OUTPUT)
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise TransferError(f"The image is not valid {self._name} data: {error}.") from error
        if self._engine.eof:
            return piece, self._engine.unused_data
        return piece, getattr(self._engine, "unconsumed_tail", b"")


_MAKE: dict[Compression, Callable[[], Any]] = {
    Compression.gzip: lambda: zlib.decompressobj(wbits=31),
    Compression.xz: lambda: lzma.LZMADecompressor(),
    Compression.bz2: lambda: bz2.BZ2Decompressor(),
}
