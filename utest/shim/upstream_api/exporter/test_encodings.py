"""Compressed streams and files under upstream's interface."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from pytest_jumpstarter.upstream_api.exporter.encoding import (
    SIGNATURE_BUFFER_SIZE,
    AutoDecompressIterator,
    Compression,
    compress_stream,
    create_decompressor,
    detect_compression_from_signature,
)
from pytest_jumpstarter.upstream_api.exporter.progress import ProgressAttribute, ProgressStream
from pytest_jumpstarter.upstream_api.exporter.streams import create_memory_stream

from JumpstarterLibrary.common.compression import compressor
from JumpstarterLibrary.exporter.compression import DecodingError
from JumpstarterLibrary.exporter.streams import memory_pair

DATA = os.urandom(100_000) + b"z" * 3_000_000

COMPRESSED = {"gzip": gzip.compress(DATA), "xz": lzma.compress(DATA, preset=0), "bz2": bz2.compress(DATA)}
if zstd := compressor("zstd"):
    COMPRESSED["zstd"] = zstd.compress(DATA) + zstd.flush()


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def auto(data: bytes, size: int = 65536) -> bytes:
    async def read() -> bytes:
        return b"".join([chunk async for chunk in AutoDecompressIterator(source=cut(data, size))])

    return anyio.run(read)


@pytest.mark.parametrize("encoding", COMPRESSED)
@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_files_are_recognised_and_decoded(encoding: str, size: int) -> None:
    data = COMPRESSED[encoding]
    assert detect_compression_from_signature(data[:SIGNATURE_BUFFER_SIZE]) is Compression(encoding)
    assert auto(data, size) == DATA
    assert create_decompressor(Compression(encoding)).decompress(data) == DATA


def test_a_byte_at_a_time_and_joined_files() -> None:
    assert auto(gzip.compress(b"one ") + gzip.compress(b"two"), 1) == b"one two"


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f\x8b", b"plain text, nothing else"])
def test_other_files_stay_as_they_are(data: bytes) -> None:
    assert auto(data, 3) == data
    assert detect_compression_from_signature(data) is None


@pytest.mark.parametrize("damaged", [COMPRESSED["gzip"][:-10], COMPRESSED["xz"][:500] + b"?" * 5000])
def test_damaged_files_are_told(damaged: bytes) -> None:
    with pytest.raises(RuntimeError, match=r"^Failed to decompress (gzip|xz): The .* data "):
        auto(damaged)


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_stream_is_compressed_on_its_way(encoding: str) -> None:
    async def scenario() -> None:
        near, far = memory_pair(10_000)
        sender, receiver = compress_stream(near, encoding), compress_stream(far, Compression(encoding))
        for start in range(0, len(DATA), 300_000):
            await sender.send(DATA[start : start + 300_000])
        await sender.send_eof()
        assert b"".join([chunk async for chunk in receiver]) == DATA
        with pytest.raises(anyio.ClosedResourceError):
            await sender.send(b"more")
        with pytest.raises(anyio.EndOfStream):
            await receiver.receive()

    anyio.run(scenario)


def test_a_stream_of_anyio_is_compressed_and_closed() -> None:
    async def scenario() -> None:
        near, far = create_memory_stream()
        async with compress_stream(near, "gzip") as stream:
            await stream.send(b"hello")
        assert gzip.decompress(b"".join([chunk async for chunk in far])) == b"hello"
        await far.aclose()

    anyio.run(scenario)


def test_a_stream_that_is_cut_off_is_told() -> None:
    async def scenario() -> None:
        near, far = memory_pair()
        await near.send(gzip.compress(b"hello")[:-4])
        await near.send_eof()
        receiver = compress_stream(far, "gzip")
        assert await receiver.receive() == b"hello"
        with pytest.raises(DecodingError, match=r"^The gzip data ended too early: it was cut off on its way\.$"):
            await receiver.receive()

    anyio.run(scenario)


def test_without_compression_a_stream_is_itself() -> None:
    near, _ = memory_pair()
    assert compress_stream(near, None) is near


def test_an_encoding_without_a_module(without_zstd: None) -> None:
    async def scenario() -> None:
        near, _ = memory_pair()
        await compress_stream(near, "zstd").send(b"x")

    with pytest.raises(DecodingError, match=r"the content encoding 'zstd'"):
        anyio.run(scenario)
    with pytest.raises(ValueError, match=r"^'rar' is not a valid Compression$"):
        compress_stream(memory_pair()[0], "rar")


class Measured:
    """A stream with a size."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def extra(self, attribute: Any, default: Any = None) -> Any:
        return 4_000_000.0 if attribute is ProgressAttribute.total else default

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def test_progress_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def scenario() -> None:
        near, far = memory_pair()
        sender = ProgressStream(stream=Measured(near), logging=True, interval=0)
        receiver = ProgressStream(stream=far)
        await sender.send(b"x" * 1_500_000)
        await sender.send_eof()
        assert [len(chunk) async for chunk in receiver] == [1_500_000]
        await receiver.aclose()
        assert sender.extra(ProgressAttribute.total) == 4_000_000
        assert receiver.extra(ProgressAttribute.total, None) is None

    anyio.run(scenario)
    assert caplog.messages == ["1.5 MB of 4.0 MB in 0 s"]
