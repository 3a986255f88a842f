"""Streams that stand for something else: with metadata, and the body of an HTTP answer."""

from __future__ import annotations

import sys
from types import ModuleType

import anyio
import pytest
from pytest_jumpstarter.upstream_api.exporter.streams import create_memory_stream
from pytest_jumpstarter.upstream_api.exporter.wrapped import (
    AiohttpStreamReaderStream,
    MetadataStream,
    MetadataStreamAttributes,
)


def test_a_stream_with_metadata_is_the_stream_below() -> None:
    async def run() -> None:
        near, far = create_memory_stream()
        async with MetadataStream(stream=near, metadata={"a": "1"}) as stream:
            await stream.send(b"there")
            assert await far.receive() == b"there"
            await far.send(b"back")
            assert await stream.receive() == b"back"
            await stream.send_eof()
            with pytest.raises(anyio.EndOfStream):
                await far.receive()
        with pytest.raises(anyio.ClosedResourceError):
            await near.receive()
        await far.aclose()

    anyio.run(run)


def test_metadata_shows_through() -> None:
    async def run() -> None:
        near, far = create_memory_stream()
        below = MetadataStream(stream=near, metadata={"a": "1", "b": "2"})
        assert below.extra(MetadataStreamAttributes.metadata) == {"a": "1", "b": "2"}
        above = MetadataStream(stream=below, metadata={"b": "3"})
        assert above.extra(MetadataStreamAttributes.metadata) == {"a": "1", "b": "3"}
        await near.aclose()
        await far.aclose()

    anyio.run(run)


class ClientError(Exception):
    """What aiohttp raises; it is not installed here."""


class Body:
    """The body of an answer."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = list(pieces)

    async def readany(self) -> bytes:
        piece = self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece


def test_the_body_of_an_answer_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    aiohttp = ModuleType("aiohttp")
    aiohttp.ClientError = ClientError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "aiohttp", aiohttp)

    async def run() -> None:
        async with AiohttpStreamReaderStream(reader=Body(b"one", b"two", b"")) as stream:
            assert [piece async for piece in stream] == [b"one", b"two"]
            with pytest.raises(anyio.BrokenResourceError):
                await stream.send(b"x")
            await stream.send_eof()
        broken = AiohttpStreamReaderStream(reader=Body(ClientError("reset")))
        with pytest.raises(anyio.BrokenResourceError) as info:
            await broken.receive()
        assert isinstance(info.value.__cause__, ClientError)

    anyio.run(run)
