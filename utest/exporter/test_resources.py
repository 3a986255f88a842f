"""Uploads and downloads over a real socket."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter import Driver, Features, export
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.offers import OFFER_LIMIT
from JumpstarterLibrary.protocol import decode, router_pb2

DATA = router_pb2.FRAME_TYPE_DATA
COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}


@dataclass(kw_only=True)
class Flash(Driver):
    """Takes and gives data."""

    content: bytes = b""
    limit: int | None = None
    seen: list[Any] = field(default_factory=list)

    @classmethod
    def client(cls) -> str:
        return "test.Flash"

    @export
    async def write(self, handle: Any) -> str:
        digest = hashlib.sha256()
        async with self.resource(handle) as stream:
            async for chunk in stream:
                assert chunk
                digest.update(chunk)
        return digest.hexdigest()

    @export
    async def peek(self, handle: Any) -> str:
        async with self.resource(handle) as stream:
            return (await stream.receive()).decode()

    @export
    async def read(self, handle: Any) -> None:
        async with self.resource(handle) as stream:
            for start in range(0, len(self.content), 100_000):
                await stream.send(self.content[start : start + 100_000])

    @export
    async def read_early(self, handle: Any) -> str:
        async with self.resource(handle) as stream:
            await stream.send(b"question")
            await stream.send_eof()
            return (await stream.receive()).decode()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _upload(wire: Any, data: bytes, encoding: str | None = None) -> Any:
    stream = wire.offer(encoding)
    call = wire.start("write", stream.handle)
    for start in range(0, len(data), 65536):
        stream.send(data[start : start + 65536])
    stream.goaway()
    try:
        return decode(call.result().result)
    finally:
        stream.cancel()


def test_upload(connect: Any) -> None:
    data = os.urandom(5_000_000)
    with connect(Flash()) as wire:
        assert _upload(wire, data) == hashlib.sha256(data).hexdigest()
        assert _upload(wire, b"") == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("encoding", COMPRESS)
def test_encoded_upload(connect: Any, refused: Any, encoding: str) -> None:
    data = os.urandom(500_000) + bytes(3_000_000)
    compressed = COMPRESS[encoding](data)
    with connect(Flash()) as wire:
        assert wire.offer(encoding).metadata["x_jmp_accept_encoding"] == encoding
        assert _upload(wire, compressed, encoding) == hashlib.sha256(data).hexdigest()
        assert refused(lambda: _upload(wire, compressed[:-5], encoding)) == (
            grpc.StatusCode.UNKNOWN,
            f"The {encoding} data ended too early: it was cut off on its way.",
        )
        code, details = refused(lambda: _upload(wire, data, encoding))
        assert code is grpc.StatusCode.UNKNOWN
        assert details.startswith(f"The data is not valid {encoding} data: ")


def test_an_unknown_encoding_is_told_before_and_refused_when_used(connect: Any, refused: Any) -> None:
    flash = Flash()
    with connect(flash) as wire:
        stream = wire.offer("brotli")
        assert stream.metadata["x_jmp_accept_encoding"] == ""
        assert stream.handle["x_jmp_content_encoding"] == "brotli"
        code, details = refused(lambda: wire.call("write", stream.handle))
        assert code is grpc.StatusCode.UNKNOWN
        assert details.startswith("This exporter does not know the content encoding 'brotli', only bz2, gzip, xz")
        # Nobody will ever read from it, and the client is told.
        assert stream.receive() == (router_pb2.FRAME_TYPE_GOAWAY, b"")
        stream.cancel()


def test_the_exporter_may_decline_encodings(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_DISABLE_COMPRESSION", "1")
    with connect(Flash()) as wire:
        stream = wire.offer("gzip")
        assert stream.metadata["x_jmp_accept_encoding"] == ""
        stream.cancel()


def test_download(connect: Any) -> None:
    flash = Flash(content=os.urandom(1_234_567))
    with connect(flash) as wire:
        stream = wire.offer()
        call = wire.start("read", stream.handle)
        assert stream.read_all() == flash.content
        call.result()
        assert not stream.call.done()
        stream.cancel()


def test_both_directions_of_one_resource(connect: Any) -> None:
    with connect(Flash()) as wire:
        stream = wire.offer()
        call = wire.start("read_early", stream.handle)
        assert stream.read_all() == b"question"
        stream.send(b"answer")
        assert decode(call.result().result) == "answer"
        stream.cancel()


def test_downloads_travel_as_they_are(connect: Any, refused: Any) -> None:
    with connect(Flash(content=b"x")) as wire:
        stream = wire.offer("gzip")
        assert refused(lambda: wire.call("read", stream.handle)) == (
            grpc.StatusCode.UNKNOWN,
            "The client asked for gzip data, but downloads travel as they are. "
            "Open the resource without a content encoding.",
        )
        stream.cancel()


def test_the_handle(connect: Any) -> None:
    with connect(Flash()) as wire:
        stream = wire.offer()
        assert sorted(stream.handle) == ["kind", "uuid", "x_jmp_content_encoding"]
        assert stream.handle["kind"] == "client_stream"
        assert stream.handle["x_jmp_content_encoding"] is None
        assert stream.metadata["x_jmp_accept_encoding"] == ""
        stream.send(b"enough")
        short = {"kind": "client_stream", "uuid": stream.handle["uuid"].upper()}
        assert wire.call("peek", short) == "enough"
        stream.cancel()


def test_a_handle_works_once_and_for_its_driver_only(connect: Any, refused: Any) -> None:
    one, other = Flash(), Flash()
    with connect(Composite(children={"one": one, "other": other})) as wire, ExitStack() as stack:
        stream = wire.offer(name="one")
        stack.callback(stream.cancel)
        uuid = stream.handle["uuid"]
        expected = (
            grpc.StatusCode.UNKNOWN,
            f"No resource {uuid} was offered to this driver, or it has been used. Open a new one.",
        )
        assert refused(lambda: wire.call("peek", stream.handle, name="other")) == expected
        stream.send(b"data")
        assert wire.call("peek", stream.handle, name="one") == "data"
        assert refused(lambda: wire.call("peek", stream.handle, name="one")) == expected


@pytest.mark.parametrize(
    ("handle", "details"),
    [
        ('{"kind": "client_stream"}', "A resource handle is an object, not str. Pass the handle undecorated."),
        ({}, "A resource handle is of kind client_stream or presigned_request, not None."),
        ({"kind": "client_stream"}, "A resource handle of kind client_stream needs the text 'uuid'."),
        ({"kind": "client_stream", "uuid": "x"}, "A resource handle's uuid is a UUID, not 'x'."),
        (
            {"kind": "client_stream", "uuid": "x", "x_jmp_content_encoding": 1},
            "A resource handle's x_jmp_content_encoding is text or null, not 1.",
        ),
        ({"kind": "presigned_request"}, "A presigned request's headers are an object of texts."),
        (
            {"kind": "presigned_request", "headers": {}, "method": "POST", "url": "http://h/"},
            "A presigned request's method is GET or PUT, not 'POST'.",
        ),
        (
            {"kind": "presigned_request", "headers": {}, "method": "GET"},
            "A resource handle of kind presigned_request needs the text 'url'.",
        ),
    ],
)
def test_what_is_no_handle_is_an_invalid_argument(connect: Any, refused: Any, handle: Any, details: str) -> None:
    with connect(Flash()) as wire:
        assert refused(lambda: wire.call("write", handle)) == (grpc.StatusCode.INVALID_ARGUMENT, details)


def test_presigned_uploads_are_refused(connect: Any, refused: Any) -> None:
    handle = {"kind": "presigned_request", "headers": {}, "method": "PUT", "url": "http://localhost/?secret"}
    with connect(Flash()) as wire:
        assert refused(lambda: wire.call("read", handle)) == (
            grpc.StatusCode.UNKNOWN,
            "This exporter does not upload with presigned PUT requests. Download to the client and upload from there.",
        )


@pytest.mark.parametrize("frames", [0, 3])
def test_a_cut_off_upload_is_an_error(connect: Any, refused: Any, frames: int) -> None:
    flash = Flash()
    with connect(flash) as wire:
        stream = wire.offer()
        call = wire.start("write", stream.handle)
        _until(lambda: not flash.resources)
        for _ in range(frames):
            stream.send(bytes(1000))
        stream.cancel()
        assert refused(call.result) == (
            grpc.StatusCode.UNKNOWN,
            "The client went away before the end of its data.",
        )


def test_a_cut_off_upload_passes_for_whole_where_upstream_is_played(connect: Any) -> None:
    flash = Flash()
    with connect(flash, features=Features(cut_off_is_error=False)) as wire:
        stream = wire.offer()
        stream.send(b"half of it")
        call = wire.start("write", stream.handle)
        _until(lambda: not flash.resources)
        stream.cancel()
        assert len(decode(call.result().result)) == 64


def test_an_upload_may_end_without_goaway(connect: Any) -> None:
    with connect(Flash()) as wire:
        stream = wire.offer()
        call = wire.start("write", stream.handle)
        stream.send(b"all")
        stream.half_close()
        assert decode(call.result().result) == hashlib.sha256(b"all").hexdigest()
        stream.cancel()


def test_offers_that_nobody_took_are_forgotten(connect: Any) -> None:
    flash = Flash()
    with connect(flash) as wire:
        stream = wire.offer()
        assert [stream.handle["uuid"]] == list(map(str, flash.resources))
        stream.cancel()
        _until(lambda: flash.resources == {})


def test_a_client_that_sends_on_after_a_failed_call_is_told(connect: Any) -> None:
    with connect(Flash()) as wire:
        stream = wire.offer()
        call = wire.start("peek", stream.handle)
        for _ in range(200):
            stream.send(bytes(65536))
        call.result()
        stream.goaway()
        assert stream.receive() == (router_pb2.FRAME_TYPE_GOAWAY, b"")
        stream.cancel()


def test_resources_that_no_call_takes_are_bounded(connect: Any, refused: Any) -> None:
    with connect(Flash(), call_patience=0) as wire:
        streams = [wire.offer() for _ in range(OFFER_LIMIT)]
        for stream in streams:
            assert stream.handle
        streams[0].send(bytes(1000))
        further = wire.offer()
        assert refused(further.receive) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "32 resource streams wait for a call that takes them, which is the most that may. Make those calls, or "
            "close the streams.",
        )
        # One that a call takes makes room.
        call = wire.start("write", streams[0].handle)
        streams[0].goaway()
        assert decode(call.result().result) == hashlib.sha256(bytes(1000)).hexdigest()
        last = wire.offer()
        assert last.handle
        for stream in (*streams, last):
            stream.cancel()


def test_resource_that_no_call_takes_expires(connect: Any, refused: Any) -> None:
    flash = Flash()
    with connect(flash, offer_expiry=0) as wire:
        stream = wire.offer()
        assert refused(stream.receive) == (
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "No call took this resource stream within 0 seconds. Open it directly before the call.",
        )
        _until(lambda: flash.resources == {})
