"""Byte streams over a real socket, frame by frame."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
import pytest

from JumpstarterLibrary.exporter import BrokenStream, ByteStream, Driver, EndOfStream, export, exportstream
from JumpstarterLibrary.exporter.router import FRAME_LIMIT
from JumpstarterLibrary.exporter.streams import MemoryStream, SocketStream, memory_pair
from JumpstarterLibrary.protocol import router_pb2

DATA = router_pb2.FRAME_TYPE_DATA
GOAWAY = router_pb2.FRAME_TYPE_GOAWAY
PING = router_pb2.FRAME_TYPE_PING
RST_STREAM = router_pb2.FRAME_TYPE_RST_STREAM


class Breaking:
    """A stream that fails in a chosen way."""

    def __init__(self, on_send: Exception | None, on_receive: Exception | None) -> None:
        self._on_send = on_send
        self._on_receive = on_receive
        self._closed = asyncio.Event()

    async def send(self, data: bytes) -> None:
        if self._on_send is not None:
            raise self._on_send

    async def receive(self) -> bytes:
        if self._on_receive is not None:
            raise self._on_receive
        await self._closed.wait()
        raise EndOfStream

    async def send_eof(self) -> None: ...

    async def aclose(self) -> None:
        self._closed.set()


@dataclass(kw_only=True)
class Board(Driver):
    """A driver with streams of many kinds."""

    address: tuple[str, int] = ("127.0.0.1", 1)
    on_send: Exception | None = None
    on_receive: Exception | None = None
    events: list[str] = field(default_factory=list)
    opened: list[MemoryStream] = field(default_factory=list)

    @classmethod
    def client(cls) -> str:
        return "test.Board"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        near, far = memory_pair()
        self.opened.append(far)
        try:
            yield near
        finally:
            self.events.append("closed")

    @exportstream
    @asynccontextmanager
    async def echo(self) -> AsyncIterator[ByteStream]:
        near, far = memory_pair()
        task = asyncio.create_task(_echo(far))
        try:
            yield near
        finally:
            await task
            self.events.append("closed")

    @exportstream
    @asynccontextmanager
    async def endless(self) -> AsyncIterator[ByteStream]:
        near, far = memory_pair()
        task = asyncio.create_task(_chatter(far))
        try:
            yield near
        finally:
            task.cancel()
            self.events.append("closed")

    @exportstream
    @asynccontextmanager
    async def tcp(self) -> AsyncIterator[ByteStream]:
        stream = await SocketStream.connect_tcp(*self.address)
        try:
            yield stream
        finally:
            await stream.aclose()
            self.events.append("closed")

    @exportstream
    @asynccontextmanager
    async def breaking(self) -> AsyncIterator[ByteStream]:
        yield Breaking(self.on_send, self.on_receive)

    @exportstream
    @asynccontextmanager
    async def unclosable(self) -> AsyncIterator[ByteStream]:
        yield Breaking(None, EndOfStream())
        raise OSError("stuck")

    @exportstream
    @asynccontextmanager
    async def grouped(self) -> AsyncIterator[ByteStream]:
        try:
            yield Breaking(None, KeyError("k"))
        except KeyError as error:
            raise ExceptionGroup("several", [error]) from None

    @exportstream
    @asynccontextmanager
    async def unopenable(self) -> AsyncIterator[ByteStream]:
        raise PermissionError("not for you")
        yield

    @export
    async def ping(self) -> None: ...


async def _chatter(stream: MemoryStream) -> None:
    while True:
        await stream.send(b"chatter")


async def _echo(stream: MemoryStream) -> None:
    try:
        while True:
            await stream.send(await stream.receive())
    except EndOfStream:
        await stream.aclose()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_frames_go_both_ways_and_goaway_ends_each(connect: Any) -> None:
    board = Board()
    with connect(board) as wire:
        stream = wire.open("echo")
        assert stream.metadata == {}
        stream.send(b"hello")
        assert stream.receive() == (DATA, b"hello")
        stream.goaway()
        assert stream.receive() == (GOAWAY, b"")
        _until(lambda: board.events == ["closed"])
        # The RPC stays open until the client ends it.
        assert not stream.call.done()
        stream.cancel()


def test_a_half_closed_rpc_is_an_end_of_data_too(connect: Any) -> None:
    with connect(Board()) as wire:
        stream = wire.open("echo")
        stream.send(b"hello")
        stream.half_close()
        assert stream.read_all() == b"hello"
        assert not stream.call.done()
        stream.cancel()


def test_pings_resets_and_empty_frames_are_empty_chunks(connect: Any) -> None:
    with connect(Board()) as wire:
        stream = wire.open("echo")
        for kind in (PING, RST_STREAM, DATA):
            stream.send(frame_type=kind)
            assert stream.receive() == (DATA, b"")
        stream.send(b"ignored", PING)
        assert stream.receive() == (DATA, b"")
        stream.cancel()


def test_the_exporter_may_end_first(connect: Any) -> None:
    board = Board()
    with connect(board) as wire:
        stream = wire.open()
        assert stream.metadata == {}
        (far,) = board.opened
        wire.exporter.run(far.send(b"bye"))
        wire.exporter.run(far.send_eof())
        assert stream.read_all() == b"bye"
        stream.send(b"still listening")
        assert wire.exporter.run(far.receive()) == b"still listening"
        assert board.events == []
        stream.goaway()
        _until(lambda: board.events == ["closed"])
        stream.cancel()


def test_cancelling_closes_the_driver_stream(connect: Any) -> None:
    board = Board()
    with connect(board) as wire:
        stream = wire.open("echo")
        stream.send(b"x")
        stream.receive()
        stream.cancel()
        _until(lambda: board.events == ["closed"])


def test_large_chunks_are_cut_into_frames(connect: Any) -> None:
    board = Board()
    chunk = bytes(range(256)) * (FRAME_LIMIT // 256) * 2 + b"rest"
    with connect(board) as wire:
        stream = wire.open()
        assert stream.metadata == {}
        (far,) = board.opened
        wire.exporter.run(far.send(chunk))
        sizes, received = [], b""
        while len(received) < len(chunk):
            kind, payload = stream.receive()
            assert kind == DATA
            sizes.append(len(payload))
            received += payload
        assert received == chunk
        assert sizes == [FRAME_LIMIT, FRAME_LIMIT, 4]
        stream.cancel()


def test_a_message_beyond_the_limit_is_refused(connect: Any, refused: Any) -> None:
    with connect(Board()) as wire:
        stream = wire.open("echo")
        stream.send(bytes(4 * 1024 * 1024))
        assert refused(stream.receive)[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert wire.call("ping") is None


def test_a_slow_far_side_slows_the_client_down(connect: Any) -> None:
    board = Board()
    with connect(board) as wire:
        stream = wire.open()
        assert stream.metadata == {}
        (far,) = board.opened
        for _ in range(100):
            stream.send(bytes(1024 * 1024))
        stream.goaway()

        async def drain() -> int:
            size = 0
            try:
                while True:
                    size += len(await far.receive())
            except EndOfStream:
                return size

        assert len(far._incoming._chunks) <= 32
        assert wire.exporter.run(drain()) == 100 * 1024 * 1024
        stream.cancel()


@pytest.mark.parametrize(
    ("request_text", "code", "details"),
    [
        (
            None,
            grpc.StatusCode.UNKNOWN,
            "Unexpected <class 'ValueError'>: The RPC's metadata lacks the key 'request', which says what to open.",
        ),
        (
            '{"uuid": "x"}',
            grpc.StatusCode.UNKNOWN,
            "Unexpected <class 'ValueError'>: a stream request's kind is 'driver' or 'resource', not None",
        ),
        (
            json.dumps({"kind": "driver", "uuid": "x", "method": "connect"}),
            grpc.StatusCode.UNKNOWN,
            "Unexpected <class 'ValueError'>: badly formed hexadecimal UUID string",
        ),
    ],
)
def test_requests_that_make_no_sense(
    connect: Any, refused: Any, request_text: str | None, code: grpc.StatusCode, details: str
) -> None:
    with connect(Board()) as wire:
        assert refused(wire.open_raw(request_text).receive) == (code, details)


def test_streams_that_cannot_be_opened(connect: Any, refused: Any) -> None:
    stranger = uuid4()
    with connect(Board()) as wire:
        assert refused(wire.open("ping").receive) == (
            grpc.StatusCode.NOT_FOUND,
            "The method 'ping' of Board is for a unary call, not for a byte stream. "
            "For a byte stream it has: breaking, connect, echo, endless, grouped, tcp, unclosable, unopenable.",
        )
        assert refused(wire.open("nothing").receive)[0] is grpc.StatusCode.NOT_FOUND
        failed = wire.open("unopenable")
        assert failed.metadata == {}
        assert refused(failed.receive) == (
            grpc.StatusCode.UNKNOWN,
            "Unexpected <class 'PermissionError'>: not for you",
        )
        request = json.dumps({"kind": "resource", "uuid": str(stranger)})
        assert refused(wire.open_raw(request).receive) == (
            grpc.StatusCode.UNKNOWN,
            f"Unexpected <class 'KeyError'>: {stranger!r}",
        )


def test_a_broken_far_side_says_goodbye_and_is_logged(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    with connect(Board(on_receive=BrokenStream("unplugged"))) as wire:
        stream = wire.open("breaking")
        assert stream.receive() == (GOAWAY, b"")
        assert "stream 'breaking' of Board broke while giving data: unplugged" in caplog.messages
        assert not stream.call.done()
        stream.cancel()


def test_a_far_side_that_takes_no_more_says_goodbye_too(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    with connect(Board(on_send=BrokenStream("unplugged"))) as wire:
        stream = wire.open("breaking")
        for _ in range(100):
            stream.send(b"data that nobody takes")
        assert stream.receive() == (GOAWAY, b"")
        assert caplog.messages == ["stream 'breaking' of Board broke while taking data: unplugged"]
        stream.goaway()
        assert not stream.call.done()
        stream.cancel()


@pytest.mark.parametrize(
    "board", [Board(on_send=KeyError("k")), Board(on_receive=KeyError("k"))], ids=["taking", "giving"]
)
def test_any_other_failure_is_goodbye_and_aborted(
    connect: Any, refused: Any, caplog: pytest.LogCaptureFixture, board: Board
) -> None:
    with connect(board) as wire:
        stream = wire.open("breaking")
        stream.send(b"data")
        assert stream.receive() == (GOAWAY, b"")
        assert refused(stream.receive) == (grpc.StatusCode.ABORTED, "RouterStream: aclose")
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
            "stream 'breaking' of Board failed"
        ]


@pytest.mark.parametrize("name", ["unclosable", "grouped"])
def test_a_stream_that_fails_on_its_way_out_is_aborted_too(connect: Any, refused: Any, name: str) -> None:
    with connect(Board()) as wire:
        stream = wire.open(name)
        assert stream.receive() == (GOAWAY, b"")
        stream.goaway()
        assert refused(stream.receive) == (grpc.StatusCode.ABORTED, "RouterStream: aclose")


def test_what_the_far_side_said_before_it_broke_arrives(connect: Any) -> None:
    board = Board()
    with connect(board) as wire:
        stream = wire.open()
        assert stream.metadata == {}
        (far,) = board.opened
        wire.exporter.run(far.send(b"last words"))
        wire.exporter.run(far.aclose())
        for _ in range(100):
            stream.send(b"data that nobody takes")
        assert stream.read_all() == b"last words"
        stream.cancel()


def test_cancelling_a_busy_stream_is_no_error(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    board = Board()
    with connect(board) as wire:
        for _ in range(20):
            stream = wire.open("endless")
            stream.receive()
            stream.cancel()
        _until(lambda: len(board.events) == 20)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_a_tunnel_to_a_real_server(connect: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def upper() -> None:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data.upper())

    thread = threading.Thread(target=upper, daemon=True)
    thread.start()
    with listener, connect(Board(address=listener.getsockname())) as wire:
        stream = wire.open("tcp")
        for _ in range(64):
            stream.send(b"x" * 65536)
        stream.goaway()
        assert stream.read_all() == b"X" * 64 * 65536
        stream.cancel()
        thread.join(5)


def test_a_refused_connection_is_told_at_once(connect: Any, refused: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with connect(Board(address=address)) as wire:
        code, details = refused(wire.open("tcp").receive)
        assert code is grpc.StatusCode.UNKNOWN
        assert details.startswith("Unexpected <class 'ConnectionRefusedError'>: ")
