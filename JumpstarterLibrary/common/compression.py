"""Decompress and compress gzip, xz, bz2 and zstd data piece by piece, and tell compressed files by their first bytes.

zstd comes with Python 3.14; before, it needs the package ``backports.zstd`` or ``zstandard``.
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

PIECE_LIMIT = 1024 * 1024
"""Bytes that one ``read`` of a decompressor returns at most, so that a highly compressed image needs no memory."""

MEMORY_LIMIT = 128 * 1024 * 1024
"""Bytes that decompressing xz data may need; ``xz -9`` makes data that needs 65 MiB."""

SIGNATURES = {
    "gzip": bytes.fromhex("1f8b08"),
    "xz": b"\xfd7zXZ\x00",
    "bz2": b"BZh",
    "zstd": bytes.fromhex("28b52ffd"),
}
"""The first bytes of the files of each encoding."""

SIGNATURE_SIZE = max(map(len, SIGNATURES.values()))
"""First bytes of a file that are enough to tell its encoding."""

ZSTD_PACKAGE = "robotframework-jumpstarter[zstd]"
"""The package to install for zstd, with its extra."""


class CompressionError(Exception):
    """Data that cannot be decompressed.

    Attributes:
        reason: Why it is not valid, in the decompressor's words; None where the data ended too early.
    """

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason or "the data ended too early")
        self.reason = reason


class TooMuchMemory(CompressionError):
    """Data whose decompression needs more memory than one stream may have."""


def encoding_of(head: bytes) -> str | None:
    """Return the encoding of a file by its first bytes; None if they are of none."""
    return next((encoding for encoding, signature in SIGNATURES.items() if head.startswith(signature)), None)


def known_encodings() -> list[str]:
    """Return the encodings that this Python can decompress."""
    return [encoding for encoding in SIGNATURES if can_decompress(encoding)]


def can_decompress(encoding: str) -> bool:
    """Whether this Python can decompress an encoding."""
    return encoding in _STAGES or (encoding == "zstd" and _zstd_module() is not None)


class Compressor(Protocol):
    """The common interface of the compressors of Python's modules."""

    def compress(self, data: bytes, /) -> bytes:
        """Take data, and return what of it is ready."""

    def flush(self) -> bytes:
        """Return the rest; nothing can be compressed any more."""


def compressor(encoding: str) -> Compressor | None:
    """Return a new compressor; None where this Python has none for the encoding."""
    if encoding in _COMPRESSORS:
        return _COMPRESSORS[encoding]()
    module = _zstd_module() if encoding == "zstd" else None
    if module is None:
        return None
    made = module.ZstdCompressor()
    compressing: Compressor = made.compressobj() if hasattr(made, "compressobj") else made
    return compressing


class IncrementalDecompressor:
    """Decompress data that comes in pieces. Several streams in a row count as one, as the command line tools have it.

    Args:
        encoding: One of those that ``can_decompress``.
    """

    def __init__(self, encoding: str) -> None:
        self._new_stage = _STAGES.get(encoding, _zstd_stage)
        self._stage: _Stage | None = None
        self._input = b""
        self._ended = 0

    def feed(self, data: bytes) -> None:
        """Hand over compressed data."""
        self._input = self._input + data if self._input else data

    def read(self) -> bytes:
        """Return the next decompressed data; nothing if more input is needed.

        Raises:
            TooMuchMemory: The data needs a dictionary that is too large.
            CompressionError: The data is not of this encoding.
        """
        while self._ready():
            if piece := self._advance():
                return piece
        return b""

    def finish(self) -> None:
        """Check that the data has ended where a stream ends.

        Raises:
            CompressionError: It has not.
        """
        if self._stage is not None or not self._ended:
            raise CompressionError(None)

    def _ready(self) -> bool:
        if self._stage is not None:
            return bool(self._input) or not self._stage.needs_input
        if self._ended:
            # Padding between streams, or behind the last one.
            self._input = self._input.lstrip(b"\0")
        return bool(self._input)

    def _advance(self) -> bytes:
        if self._stage is None:
            self._stage = self._new_stage()
        data, self._input = self._input, b""
        try:
            piece = self._stage.decompress(data, PIECE_LIMIT)
        except _errors() as error:
            if isinstance(error, lzma.LZMAError) and "emory usage limit" in str(error):
                raise TooMuchMemory(
                    f"that needs more than {MEMORY_LIMIT // 1024 // 1024} MiB of memory. Compress it with a smaller "
                    "dictionary, such as that of 'xz -9'"
                ) from error
            raise CompressionError(str(error)) from error
        if self._stage.eof:
            self._input = self._stage.unused_data
            self._stage = None
            self._ended += 1
        return piece


class _Stage(Protocol):
    """The common interface of the standard library's bz2, lzma and zstd decompressors, for one stream."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        tail = self._inner.unconsumed_tail
        piece = self._inner.decompress(tail + data if tail else data, max_length)
        self._full = len(piece) == max_length
        return piece


class _Zstandard:
    """The decompressor of the package ``zstandard``, which knows no limit.

    It is fed in slices, and what exceeds the limit waits here: a slice of the most extreme data makes 32 MiB.
    """

    SLICE = 1024

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._input = b""
        self._output = b""

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof) and not self._output

    @property
    def needs_input(self) -> bool:
        return not self._input and not self._output

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data) + self._input

    def decompress(self, data: bytes, max_length: int) -> bytes:
        waiting = memoryview(self._input + data if self._input else data)
        pieces = [self._output]
        size = len(self._output)
        while waiting and size < max_length and not self._inner.eof:
            pieces.append(self._inner.decompress(waiting[: self.SLICE]))
            waiting = waiting[self.SLICE :]
            size += len(pieces[-1])
        self._input = bytes(waiting)
        output = b"".join(pieces)
        self._output = output[max_length:]
        return output[:max_length]


def _zstd_module() -> ModuleType | None:
    """Return the module for zstd: that of Python 3.14, its backport, or the package ``zstandard``."""
    for name in ("compression.zstd", "backports.zstd", "zstandard"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _zstd_stage() -> _Stage:
    module: Any = _zstd_module()
    made = module.ZstdDecompressor()
    stage: _Stage = _Zstandard(made.decompressobj()) if hasattr(made, "decompressobj") else made
    return stage


def _errors() -> tuple[type[Exception], ...]:
    """Return what the decompressors raise on data that is not theirs."""
    module: Any = _zstd_module()
    known = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)
    return known if module is None else (*known, module.ZstdError)


_STAGES: dict[str, Callable[[], _Stage]] = {
    "gzip": _Gzip,
    "xz": lambda: lzma.LZMADecompressor(memlimit=MEMORY_LIMIT),
    "bz2": bz2.BZ2Decompressor,
}

_COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "gzip": lambda: zlib.compressobj(wbits=16 + zlib.MAX_WBITS),
    "xz": lzma.LZMACompressor,
    "bz2": bz2.BZ2Compressor,
}
