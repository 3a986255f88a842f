from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable

import pytest

from JumpstarterLibrary.exporter.compression import PIECE_LIMIT, Decoder, DecodingError, accepted_encoding

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}
DATA = os.urandom(300_000) + bytes(5_000_000)


def _decode(encoding: str, data: bytes, step: int) -> bytes:
    decoder = Decoder(encoding)
    decoded = []
    for start in range(0, len(data), step):
        decoder.feed(data[start : start + step])
        while piece := decoder.read():
            assert len(piece) <= PIECE_LIMIT
            decoded.append(piece)
    decoder.finish()
    return b"".join(decoded)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("step", [777, 10**7])
def test_decodes_piece_by_piece_in_bounded_pieces(encoding: str, step: int) -> None:
    assert _decode(encoding, ENCODINGS[encoding](DATA), step) == DATA


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_decodes_joined_files_with_padding(encoding: str) -> None:
    compress = ENCODINGS[encoding]
    assert _decode(encoding, compress(b"one ") + bytes(8) + compress(b"two") + bytes(4), 5) == b"one two"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_refuses_data_that_ended_too_early(encoding: str) -> None:
    with pytest.raises(DecodingError, match=rf"^The {encoding} data ended too early: it was cut off on its way.$"):
        _decode(encoding, ENCODINGS[encoding](DATA)[:-1], 4096)
    with pytest.raises(DecodingError, match="ended too early"):
        Decoder(encoding).finish()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_refuses_data_of_another_kind(encoding: str) -> None:
    with pytest.raises(DecodingError, match=rf"^The data is not valid {encoding} data: .*\.$"):
        _decode(encoding, b"plain text, plainly", 100)


def test_refuses_unknown_encodings() -> None:
    with pytest.raises(DecodingError) as info:
        Decoder("brotli")
    assert str(info.value).startswith("This exporter does not know the content encoding 'brotli', only bz2, gzip, xz")
    assert str(info.value).endswith(". Send the data as it is.")


def test_zstd_where_a_module_for_it_is_there() -> None:
    if not accepted_encoding("zstd"):
        with pytest.raises(DecodingError, match="does not know the content encoding 'zstd'"):
            Decoder("zstd")
        return
    compressed = _zstd(DATA)
    assert _decode("zstd", compressed + _zstd(b"more"), 777) == DATA + b"more"
    with pytest.raises(DecodingError, match=r"^The zstd data ended too early"):
        _decode("zstd", compressed[:-1], 777)


def _zstd(data: bytes) -> bytes:
    try:
        zstd = pytest.importorskip("compression.zstd")
    except pytest.skip.Exception:
        zstd = pytest.importorskip("zstandard")
    compressed: bytes = zstd.compress(data)
    return compressed


def test_accepts_what_it_knows_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JMP_DISABLE_COMPRESSION", raising=False)
    assert [accepted_encoding(name) for name in ("gzip", "xz", "bz2", "brotli", None)] == ["gzip", "xz", "bz2", "", ""]
    monkeypatch.setenv("JMP_DISABLE_COMPRESSION", "1")
    assert accepted_encoding("gzip") == ""
    # It is advice to clients; upstream's does not always take it.
    assert _decode("gzip", gzip.compress(b"all the same"), 100) == b"all the same"
