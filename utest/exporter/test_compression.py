"""The content encodings that are accepted, and the sentences where they fail; see utest/common/test_compression.py."""

from __future__ import annotations

import gzip

import pytest

from JumpstarterLibrary.exporter.compression import Decoder, DecodingError, accepted_encoding


def decode(encoding: str, data: bytes) -> bytes:
    decoder = Decoder(encoding)
    decoder.feed(data)
    decoded = b"".join(iter(decoder.read, b""))
    decoder.finish()
    return decoded


@pytest.mark.parametrize("encoding", ["gzip", "xz", "bz2"])
def test_refuses_data_that_ended_too_early(encoding: str) -> None:
    with pytest.raises(DecodingError) as caught:
        decode(encoding, b"")
    assert str(caught.value) == f"The {encoding} data ended too early: it was cut off on its way."


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [
        ("gzip", "Error -3 while decompressing data: incorrect header check"),
        ("xz", "Input format not supported by decoder"),
        ("bz2", "Invalid data stream"),
    ],
)
def test_refuses_data_of_another_kind(encoding: str, reason: str) -> None:
    with pytest.raises(DecodingError) as caught:
        decode(encoding, b"plain text, plainly")
    assert str(caught.value) == f"The data is not valid {encoding} data: {reason}."


@pytest.mark.parametrize(
    ("encoding", "advice"),
    [
        ("brotli", "Send the data as it is."),
        ("zstd", "Install robotframework-jumpstarter[zstd], or send the data as it is."),
    ],
)
def test_refuses_unknown_encodings(without_zstd: None, encoding: str, advice: str) -> None:
    with pytest.raises(DecodingError) as caught:
        Decoder(encoding)
    assert str(caught.value) == (
        f"This exporter does not know the content encoding '{encoding}', only bz2, gzip, xz. {advice}"
    )
    assert accepted_encoding(encoding) == ""


def test_accepts_what_it_knows_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JMP_DISABLE_COMPRESSION", raising=False)
    assert [accepted_encoding(name) for name in ("gzip", "xz", "bz2", "brotli", None)] == ["gzip", "xz", "bz2", "", ""]
    monkeypatch.setenv("JMP_DISABLE_COMPRESSION", "1")
    assert accepted_encoding("gzip") == ""
    # It is advice to clients; upstream's does not always take it.
    assert decode("gzip", gzip.compress(b"all the same")) == b"all the same"
