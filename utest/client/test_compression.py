"""Decompression in pieces: joined streams, padding, damage, and bounded memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable

import pytest

from JumpstarterLibrary.client.compression import Decompressor, can_decompress
from JumpstarterLibrary.errors import TransferError, UsageError
from JumpstarterLibrary.types import Compression

KINDS = [
    pytest.param(Compression.gzip, lambda data: gzip.compress(data, mtime=0), id="gzip"),
    pytest.param(Compression.xz, lzma.compress, id="xz"),
    pytest.param(Compression.bz2, bz2.compress, id="bz2"),
]

Compress = Callable[[bytes], bytes]


def decompress(kind: Compression, data: bytes, step: int) -> bytes:
    decompressor = Decompressor(kind)
    pieces = [piece for at in range(0, len(data), step) for piece in decompressor.feed(data[at : at + step])]
    decompressor.finish()
    return b"".join(pieces)


@pytest.mark.parametrize(("kind", "compress"), KINDS)
@pytest.mark.parametrize("step", [1, 13, 1 << 20])
def test_any_chunks(kind: Compression, compress: Compress, step: int) -> None:
    content = random.Random(1).randbytes(1000) + b"\0" * 1000
    assert decompress(kind, compress(content), step) == content
    assert decompress(kind, compress(b""), step) == b""


@pytest.mark.parametrize(("kind", "compress"), KINDS)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_several_streams_with_padding_count_as_one(kind: Compression, compress: Compress, step: int) -> None:
    data = compress(b"one ") + compress(b"two ") + b"\0" * 8 + compress(b"three") + b"\0" * 512
    assert decompress(kind, data, step) == b"one two three"


@pytest.mark.parametrize(("kind", "compress"), KINDS)
@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_what_ends_too_early(kind: Compression, compress: Compress, cut: int) -> None:
    with pytest.raises(TransferError) as caught:
        decompress(kind, compress(b"content" * 100)[:cut], 1 << 20)
    assert str(caught.value) == f"The image is truncated: its {kind.value} data ends too early."


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (
            Compression.gzip,
            "The image is not valid gzip data: Error -3 while decompressing data: incorrect header check.",
        ),
        (Compression.xz, "The image is not valid xz data: Input format not supported by decoder."),
        (Compression.bz2, "The image is not valid bz2 data: Invalid data stream."),
    ],
)
def test_what_is_something_else(kind: Compression, sentence: str) -> None:
    with pytest.raises(TransferError) as caught:
        decompress(kind, b"no compressed data at all", 1 << 20)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("kind", "compress"), KINDS)
def test_what_is_damaged_in_the_middle(kind: Compression, compress: Compress) -> None:
    data = bytearray(compress(random.Random(1).randbytes(10_000)))
    data[5000:5010] = b"\0" * 10
    with pytest.raises(TransferError, match=rf"^The image is (not valid|truncated: its) {kind.value} data"):
        decompress(kind, bytes(data), 1 << 20)


@pytest.mark.parametrize(("kind", "compress"), KINDS)
def test_garbage_behind_the_end(kind: Compression, compress: Compress) -> None:
    with pytest.raises(TransferError, match=rf"^The image is not valid {kind.value} data: "):
        decompress(kind, compress(b"content") + b"garbage and more of it", 1 << 20)


@pytest.mark.parametrize(("kind", "compress"), KINDS)
def test_a_highly_compressed_image_comes_in_small_pieces(kind: Compression, compress: Compress) -> None:
    sizes = [len(piece) for piece in Decompressor(kind).feed(compress(bytes(20 << 20)))]
    assert sum(sizes) == 20 << 20
    assert max(sizes) <= Decompressor.OUTPUT


def test_zstd_is_not_in_this_python() -> None:
    assert [kind for kind in Compression if can_decompress(kind)] == [Compression.gzip, Compression.xz, Compression.bz2]
    with pytest.raises(UsageError) as caught:
        Decompressor(Compression.zstd)
    assert str(caught.value) == (
        "This Python cannot decompress zstd. Decompress the image first, or use gzip, xz or bz2."
    )
