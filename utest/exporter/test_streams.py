from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType

import pytest

from JumpstarterLibrary.exporter.streams import (
    BrokenStream,
    ByteStream,
    EndOfStream,
    SocketStream,
    broken_stream_types,
    end_of_stream_types,
    memory_pair,
)


def test_memory_pair_carries_chunks_both_ways_and_half_closes() -> None:
    async def scenario() -> None:
        one, other = memory_pair()
        await one.send(b"to the other")
        await one.send(b"")
        await other.send(b"back")
        await one.send_eof()
        assert [await other.receive(), await other.receive(), await one.receive()] == [b"to the other", b"", b"back"]
        with pytest.raises(EndOfStream):
            await other.receive()
        await other.send(b"still open")
        assert await one.receive() == b"still open"

    asyncio.run(scenario())


def test_memory_pair_waits_when_its_bytes_are_reached() -> None:
    async def scenario() -> None:
        one, other = memory_pair()
        await one.send(bytes(3 * 1024 * 1024))
        waiting = asyncio.create_task(one.send(b"x"))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert len(await other.receive()) == 3 * 1024 * 1024
        await waiting
        assert await other.receive() == b"x"

    asyncio.run(scenario())


def test_memory_pair_waits_when_its_limit_is_reached() -> None:
    async def scenario() -> None:
        one, other = memory_pair(limit=2)
        sending = asyncio.gather(*(one.send(bytes([number])) for number in range(5)))
        done, _ = await asyncio.wait({sending}, timeout=0.01)
        assert not done
        assert [await other.receive() for _ in range(5)] == [bytes([number]) for number in range(5)]
        await sending

    asyncio.run(scenario())


def test_closing_one_end_lets_the_other_read_on_but_not_send() -> None:
    async def scenario() -> None:
        one, other = memory_pair(limit=1)
        await one.send(b"last words")
        await one.aclose()
        assert await other.receive() == b"last words"
        with pytest.raises(EndOfStream):
            await other.receive()
        with pytest.raises(BrokenStream, match=r"^the other end of this stream is closed$"):
            await other.send(b"?")
        with pytest.raises(BrokenStream, match=r"^this stream is closed$"):
            await one.receive()

    asyncio.run(scenario())


@pytest.mark.parametrize("close_own_end", [True, False])
def test_closing_wakes_those_who_wait(close_own_end: bool) -> None:
    async def scenario() -> None:
        one, other = memory_pair(limit=1)
        await one.send(b"full")
        sending, receiving = asyncio.create_task(one.send(b"more")), asyncio.create_task(one.receive())
        await asyncio.sleep(0)
        await (one if close_own_end else other).aclose()
        results = await asyncio.gather(sending, receiving, return_exceptions=True)
        assert isinstance(results[0], BrokenStream)
        assert isinstance(results[1], BrokenStream if close_own_end else EndOfStream)

    asyncio.run(scenario())


def test_nothing_can_be_sent_after_the_end_of_data() -> None:
    async def scenario() -> None:
        one, _ = memory_pair()
        await one.send_eof()
        with pytest.raises(BrokenStream, match=r"^this stream's data has ended; nothing can be sent any more$"):
            await one.send(b"late")

    asyncio.run(scenario())


def test_break_off_fails_the_reader_unless_the_data_had_ended() -> None:
    async def scenario() -> None:
        one, other = memory_pair()
        await one.send(b"half")
        one.break_off("gone")
        with pytest.raises(BrokenStream, match=r"^gone$"):
            await other.receive()
        one, other = memory_pair()
        await one.send(b"whole")
        await one.send_eof()
        one.break_off("gone")
        assert await other.receive() == b"whole"
        with pytest.raises(EndOfStream):
            await other.receive()

    asyncio.run(scenario())


def test_a_cancelled_receive_loses_nothing() -> None:
    async def scenario() -> None:
        one, other = memory_pair()
        receiving = asyncio.create_task(other.receive())
        await asyncio.sleep(0)
        receiving.cancel()
        await one.send(b"kept")
        assert await other.receive() == b"kept"

    asyncio.run(scenario())


async def _with_server(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    client: Callable[[SocketStream], Awaitable[None]],
) -> None:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        stream = await SocketStream.connect_tcp(*server.sockets[0].getsockname())
        try:
            await client(stream)
        finally:
            await stream.aclose()


def test_socket_stream_sends_half_closes_and_meets_the_end() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    async def client(stream: SocketStream) -> None:
        assert isinstance(stream, ByteStream)
        await stream.send(b"one ")
        await stream.send(b"two")
        await stream.send_eof()
        received = b""
        while len(received) < 7:
            received += await stream.receive()
        assert received == b"one two"
        with pytest.raises(EndOfStream):
            await stream.receive()

    asyncio.run(_with_server(echo, client))


def test_socket_stream_tells_of_a_reset() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def client(stream: SocketStream) -> None:
        await stream.send(b"x" * 100)
        with pytest.raises(BrokenStream, match=r"^the connection broke while receiving: .*reset"):
            await stream.receive()
        await stream.aclose()
        with pytest.raises(BrokenStream, match=r"^this stream is closed$"):
            await stream.send(b"x")
        await stream.send_eof()

    asyncio.run(_with_server(reset, client))


def test_socket_stream_over_a_unix_socket(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("s") / "socket")

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_unix_server(greet, path):
            stream = await SocketStream.connect_unix(path)
            assert await stream.receive() == b"hello"
            await stream.aclose()

    asyncio.run(scenario())


def test_anyio_errors_count_where_anyio_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "anyio", raising=False)
    assert end_of_stream_types() == (EndOfStream,)
    assert broken_stream_types() == (BrokenStream,)
    anyio = ModuleType("anyio")
    for name in ("EndOfStream", "BrokenResourceError", "ClosedResourceError"):
        setattr(anyio, name, type(name, (Exception,), {}))
    monkeypatch.setitem(sys.modules, "anyio", anyio)
    assert [kind.__name__ for kind in end_of_stream_types()] == ["EndOfStream", "EndOfStream"]
    assert [kind.__name__ for kind in broken_stream_types()] == [
        "BrokenStream",
        "BrokenResourceError",
        "ClosedResourceError",
    ]
