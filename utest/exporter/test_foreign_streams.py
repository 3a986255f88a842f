"""Drivers that were written for anyio: their streams on the wire, and our streams in their hands."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import anyio
import anyio.from_thread
import pytest
from anyio.abc import ByteStream
from anyio.streams.stapled import StapledObjectStream

from JumpstarterLibrary.exporter import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork, TcpNetwork
from JumpstarterLibrary.exporter.router import FRAME_LIMIT
from JumpstarterLibrary.exporter.streams import BrokenStream, ClosedStream, EndOfStream, memory_pair
from JumpstarterLibrary.protocol import router_pb2

DATA, GOAWAY = router_pb2.FRAME_TYPE_DATA, router_pb2.FRAME_TYPE_GOAWAY


@dataclass(kw_only=True)
class Anyio(Driver):
    """Yields streams of anyio, and reads resources as drivers for anyio do."""

    host: str = "127.0.0.1"
    port: int = 0
    ends: list[str] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)

    @classmethod
    def client(cls) -> str:
        return "test.Anyio"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[StapledObjectStream[bytes]]:
        to_there, from_here = anyio.create_memory_object_stream[bytes](32)
        try:
            async with StapledObjectStream(to_there, from_here) as stream:
                yield stream
        finally:
            self.ends.append("echo")

    @exportstream
    @asynccontextmanager
    async def tcp(self) -> AsyncIterator[ByteStream]:
        try:
            async with await anyio.connect_tcp(self.host, self.port) as stream:
                yield stream
        finally:
            self.ends.append("tcp")

    @exportstream
    @asynccontextmanager
    async def only_gives(self) -> AsyncIterator[Any]:
        to_there, from_here = anyio.create_memory_object_stream[bytes](2)
        await to_there.send(b"once")
        await to_there.send(b"again")
        to_there.close()
        # Nobody but the exporter closes the stream.
        yield from_here

    @exportstream
    @asynccontextmanager
    async def only_takes(self) -> AsyncIterator[Any]:
        to_there, from_here = anyio.create_memory_object_stream[bytes](8)
        taking = asyncio.create_task(self._take(from_here))
        try:
            yield to_there
        finally:
            # Nobody but the exporter has closed the stream.
            await taking
            self.ends.append("taken")

    @exportstream
    @asynccontextmanager
    async def in_a_task_group(self) -> AsyncIterator[Any]:
        near, far = memory_pair()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._answer, far)
            yield near
            tasks.cancel_scope.cancel()

    async def _answer(self, far: Any) -> None:
        async for chunk in far:
            await far.send(chunk.upper())

    async def _take(self, stream: Any) -> None:
        with stream:
            async for chunk in stream:
                self.taken.append(chunk)

    @export
    def from_a_thread(self, text: str) -> str:
        return anyio.from_thread.run(self._shouted, text)

    @export
    def from_several_threads(self, count: int) -> Iterator[str]:
        for number in range(count):
            yield anyio.from_thread.run(self._shouted, str(number))

    async def _shouted(self, text: str) -> str:
        await anyio.sleep(0)
        return text.upper()

    @export
    async def flash(self, source: dict[str, Any]) -> int:
        size = 0
        async with self.resource(source) as stream, stream:
            while True:
                try:
                    size += len(await stream.receive())
                except anyio.EndOfStream:
                    return size

    @export
    async def copy(self, source: dict[str, Any], target: dict[str, Any]) -> None:
        async with self.resource(source) as reading, self.resource(target, timeout=5) as writing:
            async for chunk in reading:
                await writing.send(chunk)


def test_plain_functions_reach_the_event_loop_by_anyio(connect: Any) -> None:
    with connect(Anyio()) as wire:
        assert wire.call("from_a_thread", "quiet") == "QUIET"
        assert wire.items("from_several_threads", 3) == ["0", "1", "2"]


def test_an_anyio_stream_echoes_and_ends(connect: Any, eventually: Any) -> None:
    driver = Anyio()
    with connect(driver) as wire:
        stream = wire.open()
        stream.send(b"hello")
        assert stream.receive() == (DATA, b"hello")
        stream.goaway()
        assert stream.receive() == (GOAWAY, b"")
        stream.cancel()
        eventually(lambda: driver.ends == ["echo"])


def test_a_tcp_connection_of_anyio(connect: Any, eventually: Any) -> None:
    async def serve(ready: asyncio.Future[int], done: asyncio.Event) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"heard " + await reader.read())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        ready.set_result(server.sockets[0].getsockname()[1])
        await done.wait()
        server.close()

    from JumpstarterLibrary.exporter.hosting import LoopThread

    thread = LoopThread("exporter-test")
    try:
        ready, done = thread.run(_made())
        serving = thread.start(serve(ready, done))
        driver = Anyio(port=thread.run(_waited(ready)))
        with connect(driver) as wire:
            stream = wire.open("tcp")
            stream.send(b"x" * 100)
            stream.goaway()
            assert stream.read_all() == b"heard " + b"x" * 100
            stream.cancel()
            eventually(lambda: driver.ends == ["tcp"])
        thread.call(done.set)
        serving.result(5)
    finally:
        thread.stop()


async def _made() -> tuple[asyncio.Future[int], asyncio.Event]:
    return asyncio.get_running_loop().create_future(), asyncio.Event()


async def _waited(ready: asyncio.Future[int]) -> int:
    return await ready


def test_streams_in_one_direction_only(connect: Any, eventually: Any) -> None:
    driver = Anyio()
    with connect(driver) as wire:
        giving = wire.open("only_gives")
        assert giving.read_all() == b"onceagain"
        giving.cancel()
        taking = wire.open("only_takes")
        taking.send(b"in")
        assert taking.receive() == (GOAWAY, b"")
        eventually(lambda: driver.taken == [b"in"])
        taking.cancel()
        eventually(lambda: driver.ends == ["taken"])


def test_what_a_stream_cannot_take_is_dropped_and_logged(
    connect: Any, caplog: pytest.LogCaptureFixture, eventually: Callable[[Callable[[], object]], None]
) -> None:
    sentence = "stream 'only_gives' of Anyio broke while taking data: the driver's stream only gives data"
    with connect(Anyio()) as wire:
        stream = wire.open("only_gives")
        stream.send(b"nobody listens")
        assert stream.read_all() == b"onceagain"
        eventually(lambda: sentence in caplog.text)
        stream.cancel()


def test_a_driver_with_a_task_group_around_its_stream(connect: Any) -> None:
    with connect(Anyio()) as wire:
        stream = wire.open("in_a_task_group")
        stream.send(b"quiet")
        assert stream.receive() == (DATA, b"QUIET")
        stream.cancel()


def test_large_chunks_of_an_anyio_stream_are_cut(connect: Any) -> None:
    with connect(Anyio()) as wire:
        stream = wire.open()
        for _ in range(3):
            stream.send(b"z" * FRAME_LIMIT)
        stream.goaway()
        assert len(stream.read_all()) == 3 * FRAME_LIMIT
        stream.cancel()


def test_a_resource_is_read_as_anyio_reads(connect: Any) -> None:
    with connect(Anyio()) as wire:
        offer = wire.offer()
        call = wire.start("flash", offer.handle)
        for _ in range(3):
            offer.send(b"12345")
        offer.goaway()
        assert call.result().result.number_value == 15
        offer.cancel()


def test_one_resource_is_copied_to_another(connect: Any) -> None:
    with connect(Anyio()) as wire:
        source, target = wire.offer(), wire.offer()
        call = wire.start("copy", source.handle, target.handle)
        source.send(b"all of it")
        source.goaway()
        assert target.read_all() == b"all of it"
        call.result()
        source.cancel()
        target.cancel()


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_resource_without_an_exporter(encoding: str | None) -> None:
    async def scenario() -> None:
        driver, identity = Anyio(), uuid4()
        to_there, from_here = anyio.create_memory_object_stream[bytes](32)
        await to_there.send(gzip.compress(b"12345") if encoding else b"12345")
        to_there.close()
        driver.resources[identity] = StapledObjectStream(to_there, from_here)
        handle = {"kind": "client_stream", "uuid": str(identity), "x_jmp_content_encoding": encoding}
        assert await driver.flash(Record(handle) if encoding else handle) == 5  # type: ignore[arg-type]

    anyio.run(scenario)


@dataclass
class Record:
    """A handle as a record of pydantic's kind."""

    handle: dict[str, Any]

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        return self.handle if mode == "json" else {}


def test_a_drivers_stream_without_an_exporter() -> None:
    async def scenario() -> None:
        async with EchoNetwork().connect() as stream:
            await stream.send(b"one")
            await stream.send(b"two")
            await stream.send_eof()
            assert [chunk async for chunk in stream] == [b"one", b"two"]
            with pytest.raises(anyio.EndOfStream):
                await stream.receive()
            assert stream.extra("anything", "default") == "default"
            with pytest.raises(LookupError, match=r"^LoopbackStream has no attribute 'anything'\. Give a default\.$"):
                stream.extra("anything")

    anyio.run(scenario)


def test_a_socket_of_ours_gives_at_most_what_is_asked_for() -> None:
    async def scenario() -> None:
        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"0123456789")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, TcpNetwork(host="127.0.0.1", port=server.sockets[0].getsockname()[1]).connect() as stream:
            assert await stream.receive(4) == b"0123"
            assert b"".join([chunk async for chunk in stream]) == b"456789"

    asyncio.run(scenario())


def test_our_errors_are_anyios_where_anyio_is_loaded() -> None:
    assert isinstance(EndOfStream(), anyio.EndOfStream)
    assert isinstance(BrokenStream("gone"), anyio.BrokenResourceError)
    assert isinstance(ClosedStream("closed"), anyio.ClosedResourceError)
    assert not isinstance(ClosedStream("closed"), anyio.BrokenResourceError)
    with pytest.raises(BrokenStream, match=r"^closed$"):
        raise ClosedStream("closed")
    assert type(EndOfStream()) is type(EndOfStream())


def test_the_exporter_itself_needs_no_anyio() -> None:
    script = (
        "import sys\n"
        "from JumpstarterLibrary.exporter import serve, EndOfStream\n"
        "from JumpstarterLibrary.exporter.drivers import composite, network, datagrams, websocket, dbus, vsock, files\n"
        "print('anyio' in sys.modules, type(EndOfStream()) is EndOfStream)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout == "False True\n"
