"""Compression and decompression in pieces: joined streams, padding, damage, memory, and modules for zstd."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import random
import sys
import zlib
from collections.abc import Callable

import pytest

from JumpstarterLibrary.common.compression import (
    PIECE_LIMIT,
    SIGNATURE_SIZE,
    CompressionError,
    IncrementalDecompressor,
    TooMuchMemory,
    can_decompress,
    compressor,
    encoding_of,
    known_encodings,
)

ZSTD_MODULES = ("compression.zstd", "backports.zstd", "zstandard")


def is_installed(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


KINDS = ["gzip", "xz", "bz2", *(f"zstd:{module}" for module in ZSTD_MODULES if is_installed(module))]

Encoding = str


@pytest.fixture(params=KINDS)
def encoding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Encoding:
    """An encoding; of the modules for zstd all but one are hidden."""
    name, _, module = request.param.partition(":")
    for other in ZSTD_MODULES:
        if module and other != module:
            monkeypatch.setitem(sys.modules, other, None)
    return str(name)


def compress(encoding: Encoding, data: bytes) -> bytes:
    made = compressor(encoding)
    assert made is not None
    return made.compress(data) + made.flush()


def pieces(encoding: Encoding, data: bytes, step: int = 1 << 20) -> list[bytes]:
    decompressor = IncrementalDecompressor(encoding)
    found = []
    for at in range(0, len(data), step):
        decompressor.feed(data[at : at + step])
        found += iter(decompressor.read, b"")
    decompressor.finish()
    return found


def decompress(encoding: Encoding, data: bytes, step: int = 1 << 20) -> bytes:
    return b"".join(pieces(encoding, data, step))


@pytest.mark.parametrize("step", [1, 13, 1 << 20])
def test_any_pieces(encoding: Encoding, step: int) -> None:
    content = random.Random(1).randbytes(1000) + b"\0" * 1000
    assert decompress(encoding, compress(encoding, content), step) == content
    assert decompress(encoding, compress(encoding, b""), step) == b""


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_several_streams_with_padding_count_as_one(encoding: Encoding, step: int) -> None:
    parts = [compress(encoding, part) for part in (b"one ", b"two ", b"three")]
    assert decompress(encoding, parts[0] + parts[1] + b"\0" * 8 + parts[2] + b"\0" * 512, step) == b"one two three"


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_data_that_ends_too_early(encoding: Encoding, cut: int) -> None:
    with pytest.raises(CompressionError, match=r"^the data ended too early$") as caught:
        decompress(encoding, compress(encoding, random.Random(1).randbytes(1000))[:cut])
    assert caught.value.reason is None


def test_data_of_another_kind(encoding: Encoding) -> None:
    with pytest.raises(CompressionError) as caught:
        decompress(encoding, b"no compressed data at all")
    assert caught.value.reason == str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("encoding", ["gzip", "xz", "bz2"])
def test_data_that_is_damaged_in_the_middle(encoding: Encoding) -> None:
    data = bytearray(compress(encoding, b"".join(b"%d " % number for number in range(10_000))))
    middle = len(data) // 2
    data[middle : middle + 10] = b"\xff" * 10
    with pytest.raises(CompressionError):
        decompress(encoding, bytes(data))


def test_garbage_behind_the_end(encoding: Encoding) -> None:
    with pytest.raises(CompressionError):
        decompress(encoding, compress(encoding, b"content") + b"garbage and more of it")


@pytest.mark.parametrize("step", [777, 1 << 20])
def test_highly_compressed_data_comes_in_small_pieces(encoding: Encoding, step: int) -> None:
    sizes = [len(piece) for piece in pieces(encoding, compress(encoding, bytes(20 << 20)), step)]
    assert sum(sizes) == 20 << 20
    assert max(sizes) <= PIECE_LIMIT


def test_data_of_exactly_a_piece(encoding: Encoding) -> None:
    for size in (PIECE_LIMIT - 1, PIECE_LIMIT, PIECE_LIMIT + 1, 2 * PIECE_LIMIT):
        assert len(decompress(encoding, compress(encoding, bytes(size)))) == size


def test_what_the_command_line_tools_write_is_recognised(encoding: Encoding) -> None:
    assert encoding_of(compress(encoding, b"content")[:SIGNATURE_SIZE]) == encoding


@pytest.mark.parametrize("head", [b"", b"\x1f", b"\x1f\x8b", b"plain text"])
def test_other_files(head: bytes) -> None:
    assert encoding_of(head) is None


@pytest.mark.parametrize(("encoding", "write"), [("gzip", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_other_libraries_write_and_read_the_same(encoding: Encoding, write: Callable[[bytes], bytes]) -> None:
    assert decompress(encoding, write(b"content")) == b"content"
    read = {"gzip": gzip.decompress, "xz": lzma.decompress, "bz2": bz2.decompress}[encoding]
    assert read(compress(encoding, b"content")) == b"content"


def test_without_a_module_for_zstd(without_zstd: None) -> None:
    assert known_encodings() == ["gzip", "xz", "bz2"]
    assert not can_decompress("zstd")
    assert compressor("zstd") is None
    assert compressor("brotli") is None
    assert not can_decompress("brotli")


def _xz_with_dictionary(size: int) -> bytes:
    """Return xz data whose header asks for a dictionary of some bytes, which the data itself does not need."""
    data = bytearray(lzma.compress(bytes(1000)))
    # The block's header is behind the stream's 12 bytes: its size, flags, filter and properties, then its CRC32.
    data[data.index(b"\x21\x01", 12) + 2] = next(
        bits for bits in range(41) if (2 | (bits & 1)) << (bits // 2 + 11) >= size
    )
    end = 12 + (data[12] + 1) * 4
    data[end - 4 : end] = zlib.crc32(bytes(data[12 : end - 4])).to_bytes(4, "little")
    return bytes(data)


def test_dictionary_of_xz_is_bounded() -> None:
    fits = IncrementalDecompressor("xz")
    fits.feed(_xz_with_dictionary(64 << 20))
    assert fits.read() == bytes(1000)
    for size in (192 << 20, 1536 << 20):
        bomb = IncrementalDecompressor("xz")
        bomb.feed(_xz_with_dictionary(size))
        with pytest.raises(TooMuchMemory) as caught:
            bomb.read()
        assert caught.value.reason == (
            "that needs more than 128 MiB of memory. Compress it with a smaller dictionary, such as that of 'xz -9'"
        )
