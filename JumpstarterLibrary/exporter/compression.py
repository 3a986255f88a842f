"""Content encodings of resource streams: decoding piece by piece, in bounded memory."""

from __future__ import annotations

import bz2
import importlib
import lzma
import os
import zlib
from collections.abc import Callable
from typing import Any, Protocol

PIECE_LIMIT = 1024 * 1024
"""Bytes that one ``read`` of a decoder returns at most."""

DISABLE_VARIABLE = "JMP_DISABLE_COMPRESSION"
"""Set to 1, the exporter says that it accepts no content encoding. It decodes all the same: upstream's client encodes
where the user asked for it, without asking the exporter."""


class DecodingError(Exception):
    """Data that cannot be decoded: in another encoding, ended too early, or without a decoder here."""


class _Stage(Protocol):
    """The common interface of the standard library's bz2, lzma and zstd decompressors."""

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
    """The third-party ``zstandard`` module, whose decompressor knows no limit.

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


def _optional(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _zstd() -> Any:
    """Return the standard library's module of Python 3.14, or its backport, if there is one."""
    return _optional("compression.zstd") or _optional("backports.zstd")


def _stages() -> dict[str, Callable[[], _Stage]]:
    stages: dict[str, Callable[[], _Stage]] = {
        "gzip": _Gzip,
        "xz": lzma.LZMADecompressor,
        "bz2": bz2.BZ2Decompressor,
    }
    if standard := _zstd():
        stages["zstd"] = standard.ZstdDecompressor
    elif third_party := _optional("zstandard"):
        stages["zstd"] = lambda: _Zstandard(third_party.ZstdDecompressor().decompressobj())
    return stages


_STAGES = _stages()

_ERRORS: tuple[type[Exception], ...] = (
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    *(module.ZstdError for module in (_zstd(), _optional("zstandard")) if module is not None),
)


def accepted_encoding(encoding: str | None) -> str:
    """Return the encoding if clients may use it, else an empty string."""
    if encoding is None or os.environ.get(DISABLE_VARIABLE) == "1":
        return ""
    return encoding if encoding in _STAGES else ""


class Decoder:
    """Decodes one resource stream. Joined files (several gzip members, xz or bz2 streams) are decoded in turn.

    Args:
        encoding: ``gzip``, ``xz``, ``bz2`` or ``zstd``.

    Raises:
        DecodingError: This exporter does not know that encoding.
    """

    def __init__(self, encoding: str) -> None:
        if encoding not in _STAGES:
            known = ", ".join(sorted(_STAGES))
            raise DecodingError(
                f"This exporter does not know the content encoding {encoding!r}, only {known}. Send the data as it is."
            )
        self._encoding = encoding
        self._new_stage = _STAGES[encoding]
        self._stage: _Stage | None = None
        self._input = b""
        self._parts = 0

    def feed(self, data: bytes) -> None:
        """Hand over encoded data."""
        self._input = self._input + data if self._input else data

    def read(self) -> bytes:
        """Return decoded data; nothing if more input is needed.

        Raises:
            DecodingError: The data is not of this encoding.
        """
        while self._ready():
            piece = self._advance()
            if piece:
                return piece
        return b""

    def finish(self) -> None:
        """Check that the data has ended where the encoding ends.

        Raises:
            DecodingError: It has not.
        """
        if self._stage is not None or self._parts == 0:
            raise DecodingError(f"The {self._encoding} data ended too early: it was cut off on its way.")

    def _ready(self) -> bool:
        if self._stage is None:
            if self._parts:
                # Padding between and after the parts of a joined file.
                self._input = self._input.lstrip(b"\0")
            return bool(self._input)
        return bool(self._input) or not self._stage.needs_input

    def _advance(self) -> bytes:
        if self._stage is None:
            self._stage = self._new_stage()
        data, self._input = self._input, b""
        try:
            piece = self._stage.decompress(data, PIECE_LIMIT)
        except _ERRORS as error:
            raise DecodingError(f"The data is not valid {self._encoding} data: {error}.") from error
        if self._stage.eof:
            self._input = self._stage.unused_data
            self._stage = None
            self._parts += 1
        return piece
