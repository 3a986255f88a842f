"""Content encodings of resource streams: decoding piece by piece, in bounded memory."""

from __future__ import annotations

import os

from JumpstarterLibrary.common.compression import (
    ZSTD_PACKAGE,
    CompressionError,
    IncrementalDecompressor,
    TooMuchMemory,
    can_decompress,
    known_encodings,
)
from JumpstarterLibrary.common.environment import DISABLE_COMPRESSION


class DecodingError(Exception):
    """Data that cannot be decoded: in another encoding, ended too early, or without a decoder here."""


def accepted_encoding(encoding: str | None) -> str:
    """Return the encoding if clients may use it, else an empty string.

    Where the environment disables compression, the exporter only says so. It decodes all the same: upstream's client
    encodes where the user asked for it, without asking the exporter.
    """
    if encoding is None or os.environ.get(DISABLE_COMPRESSION) == "1":
        return ""
    return encoding if can_decompress(encoding) else ""


class Decoder:
    """Decodes one resource stream; see ``common.compression``.

    Args:
        encoding: ``gzip``, ``xz``, ``bz2`` or ``zstd``.

    Raises:
        DecodingError: This exporter does not know that encoding.
    """

    def __init__(self, encoding: str) -> None:
        if not can_decompress(encoding):
            known = ", ".join(sorted(known_encodings()))
            advice = f"Install {ZSTD_PACKAGE}, or send" if encoding == "zstd" else "Send"
            raise DecodingError(
                f"This exporter does not know the content encoding {encoding!r}, only {known}. "
                f"{advice} the data as it is."
            )
        self._encoding = encoding
        self._inner = IncrementalDecompressor(encoding)

    def feed(self, data: bytes) -> None:
        """Hand over encoded data."""
        self._inner.feed(data)

    def read(self) -> bytes:
        """Return decoded data, at most 1 MiB; nothing if more input is needed.

        Raises:
            DecodingError: The data is not of this encoding, or decoding it takes too much memory.
        """
        try:
            return self._inner.read()
        except TooMuchMemory as error:
            raise DecodingError(f"The {self._encoding} data cannot be decoded here: {error.reason}.") from error
        except CompressionError as error:
            raise DecodingError(f"The data is not valid {self._encoding} data: {error.reason}.") from error

    def finish(self) -> None:
        """Check that the data has ended where the encoding ends.

        Raises:
            DecodingError: It has not.
        """
        try:
            self._inner.finish()
        except CompressionError as error:
            raise DecodingError(f"The {self._encoding} data ended too early: it was cut off on its way.") from error
