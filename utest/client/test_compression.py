"""The sentences of a decompression that fails; how it is done is tested in utest/common/test_compression.py."""

from __future__ import annotations

import gzip

import pytest

from JumpstarterLibrary.client.compression import Decompressor, can_decompress
from JumpstarterLibrary.errors import TransferError, UsageError
from JumpstarterLibrary.types import Compression


def decompress(kind: Compression, *chunks: bytes) -> bytes:
    decompressor = Decompressor(kind)
    pieces = [piece for chunk in chunks for piece in decompressor.feed(chunk)]
    decompressor.finish()
    return b"".join(pieces)


def test_an_image_in_chunks() -> None:
    data = gzip.compress(b"content")
    assert decompress(Compression.gzip, data[:5], data[5:]) == b"content"


@pytest.mark.parametrize("kind", [Compression.gzip, Compression.xz, Compression.bz2])
def test_what_ends_too_early(kind: Compression) -> None:
    with pytest.raises(TransferError) as caught:
        decompress(kind, b"")
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
        decompress(kind, b"no compressed data at all")
    assert str(caught.value) == sentence


def test_zstd_without_a_module_for_it(without_zstd: None) -> None:
    assert [kind for kind in Compression if can_decompress(kind)] == [Compression.gzip, Compression.xz, Compression.bz2]
    with pytest.raises(UsageError) as caught:
        Decompressor(Compression.zstd)
    assert str(caught.value) == (
        "This Python cannot decompress zstd. Install robotframework-jumpstarter[zstd], decompress the image first, or "
        "use gzip, xz or bz2."
    )
