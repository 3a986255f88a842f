"""A tunnel between a router and a session's socket, byte by byte."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from JumpstarterLibrary.exporter.leasing import ControllerAccess
from JumpstarterLibrary.exporter.leasing.timing import ExporterTiming
from JumpstarterLibrary.exporter.leasing.tunnel import FRAME_SIZE, Tunnel
from JumpstarterLibrary.lab import router as lab_router
from JumpstarterLibrary.lab.router import MockRouter
from JumpstarterLibrary.lab.router_behaviour import Refusal, RouterBehaviour
from JumpstarterLibrary.lab.tokens import RouterKey
from JumpstarterLibrary.protocol import RouterStub, router_pb2

DATA = router_pb2.FRAME_TYPE_DATA
GOAWAY = router_pb2.FRAME_TYPE_GOAWAY
LIMIT_S = 10.0
KEY = RouterKey()
FIXED_WINDOW = (("grpc.http2.bdp_probe", 0),)
"""Lets gRPC not learn how much may be on its way from how fast a connection is, which depends on what else runs."""


class Bench:
    """A tunnel, the client at its one end and the session at the other one."""

    def __init__(self, router: MockRouter, client: Any, tunnel: Tunnel, moving: asyncio.Event) -> None:
        self.router = router
        self.client = client
        self.tunnel = tunnel
        self.moving = moving
        self.running = asyncio.create_task(tunnel.run())
        self.session: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()

    async def send(self, payload: bytes = b"", frame_type: int = DATA) -> None:
        await self.client.write(router_pb2.StreamRequest(payload=payload, frame_type=frame_type))

    async def receive(self) -> tuple[bytes, int] | None:
        frame = await self.client.read()
        return (frame.payload, frame.frame_type) if isinstance(frame, router_pb2.StreamResponse) else None

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def bench(path: Path, behaviour: RouterBehaviour | None = None, token: str | None = None) -> AsyncIterator[Bench]:
    token = token or KEY.mint("s", datetime.now(UTC))
    async with MockRouter(key=KEY, behaviour=behaviour) as router:
        trust = grpc.ssl_channel_credentials(router.ca)
        async with grpc.aio.secure_channel(router.endpoint, trust, FIXED_WINDOW) as channel:
            stub: Any = RouterStub(channel)  # type: ignore[arg-type]
            client = stub.stream(metadata=(("authorization", f"Bearer {token}"),))
            moving = asyncio.Event()
            moving.set()
            access = ControllerAccess("", "n", "e", "t", ca=router.ca)
            found = Bench(
                router, client, Tunnel(access, router.endpoint, token, str(path), moving, ExporterTiming()), moving
            )

            def accept(*streams: Any) -> None:
                found.session.set_result(streams)

            server = await asyncio.start_unix_server(accept, path, limit=1 << 20)
            try:
                yield found
            finally:
                server.close()
                if found.session.done():
                    found.session.result()[1].transport.abort()
                client.cancel()
                found.running.cancel()
                await asyncio.wait([found.running])


Run = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def running(test: Callable[[Bench], Awaitable[None]], **options: Any) -> None:
        async def go() -> None:
            async with asyncio.timeout(LIMIT_S), bench(tmp_path / "s", **options) as found:
                await test(found)

        asyncio.run(go())

    return running


def test_bytes_arrive_as_they_were_sent(run: Run) -> None:
    data = os.urandom(8_000_000)

    async def test(bench: Bench) -> None:
        reader, writer = await bench.session

        async def up() -> None:
            for start in range(0, len(data), 1_500_000):
                await bench.send(data[start : start + 1_500_000])

        sending = asyncio.create_task(up())
        assert await reader.readexactly(len(data)) == data
        await sending
        writer.write(data)
        received = hashlib.sha256()
        size = 0
        while size < len(data):
            payload, frame_type = await bench.receive() or (b"", -1)
            assert (frame_type, len(payload) <= FRAME_SIZE) == (DATA, True)
            received.update(payload)
            size += len(payload)
        assert received.digest() == hashlib.sha256(data).digest()
        assert (bench.tunnel.received, bench.tunnel.sent) == (len(data), len(data))

    run(test)


def test_the_client_ends_first(run: Run) -> None:
    async def test(bench: Bench) -> None:
        reader, writer = await bench.session
        await bench.send(b"last words")
        await bench.send(frame_type=GOAWAY)
        await bench.client.done_writing()
        assert await reader.read() == b"last words"
        # The other direction is still there.
        writer.write(b"answer")
        assert await bench.receive() == (b"answer", DATA)
        writer.close()
        assert await bench.receive() == (b"", GOAWAY)
        assert await bench.receive() is None
        await bench.running
        assert await bench.client.code() is grpc.StatusCode.OK
        await bench.until(lambda: not bench.router.journal.open)

    run(test)


def test_the_session_ends_first(run: Run) -> None:
    async def test(bench: Bench) -> None:
        reader, writer = await bench.session
        writer.write(b"bye")
        writer.write_eof()
        assert await bench.receive() == (b"bye", DATA)
        assert await bench.receive() == (b"", GOAWAY)
        await bench.send(b"still")
        await bench.client.done_writing()
        assert await reader.read() == b"still"
        await bench.running

    run(test)


@pytest.mark.parametrize("sends", [False, True], ids=["silent", "sending"])
def test_a_session_that_ends_and_breaks_is_told_to_the_client_as_an_end(run: Run, sends: bool) -> None:
    async def test(bench: Bench) -> None:
        _, writer = await bench.session
        bench.tunnel.ending = True
        writer.transport.pause_reading()
        await bench.send(b"not read by the session")
        await bench.until(lambda: bench.tunnel.received)
        # What was not read makes it a broken connection.
        writer.transport.abort()
        if sends:
            await bench.send(b"more")
        assert await bench.receive() == (b"", GOAWAY)
        await bench.client.done_writing()
        await bench.running
        await bench.until(lambda: not bench.router.journal.open)

    run(test)


def test_a_session_that_breaks_without_an_end_is_told_to_no_client(run: Run) -> None:
    async def test(bench: Bench) -> None:
        _, writer = await bench.session
        writer.transport.pause_reading()
        await bench.send(b"not read by the session")
        await bench.until(lambda: bench.tunnel.received)
        writer.transport.abort()
        await bench.running
        await bench.until(lambda: bench.router.journal.open.get("half-open streams") == 1)

    run(test)


def test_odd_frames_carry_nothing(run: Run) -> None:
    async def test(bench: Bench) -> None:
        reader, _ = await bench.session
        await bench.send(b"abc")
        await bench.send(frame_type=GOAWAY)
        assert await reader.read() == b"abc"

    run(test, behaviour=RouterBehaviour(odd_frames=True, empty_frames=True, rechunk=1))


def test_a_session_that_reads_nothing_holds_the_client_back(run: Run) -> None:
    async def test(bench: Bench) -> None:
        reader, _ = await bench.session

        async def flood() -> None:
            while True:
                await bench.send(b"x" * 1_000_000)

        flooding = asyncio.create_task(flood())
        await bench.until(lambda: bench.tunnel.received)
        held = -1
        while held != (held := bench.tunnel.received):
            await asyncio.sleep(0.1)
        assert held < 8_000_000
        assert not flooding.done()
        # It goes on as soon as the session does.
        await reader.readexactly(10_000_000)
        assert bench.tunnel.received > held
        flooding.cancel()
        await asyncio.wait([flooding])

    run(test)


def test_a_client_that_reads_nothing_holds_the_session_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_router, "_OPTIONS", (*lab_router._OPTIONS, *FIXED_WINDOW))

    async def test(bench: Bench) -> None:
        _, writer = await bench.session

        async def flood() -> None:
            while True:
                writer.write(b"x" * 1_000_000)
                await writer.drain()

        flooding = asyncio.create_task(flood())
        await bench.until(lambda: bench.tunnel.sent)
        held = -1
        while held != (held := bench.tunnel.sent):
            await asyncio.sleep(0.1)
        # The tunnel and the router have a frame in hand, and on each of the two ways there is at most one more.
        assert held <= 4 * FRAME_SIZE
        assert not flooding.done()
        flooding.cancel()
        await asyncio.wait([flooding])

    run(test)


def test_a_router_that_drops_the_tunnel(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def test(bench: Bench) -> None:
        reader, _ = await bench.session
        await bench.send(b"x")
        assert await reader.readexactly(1) == b"x"
        bench.router.drop()
        assert await reader.read() == b""
        await bench.running
        assert (
            f"The stream to the router at {bench.router.endpoint} broke: UNAVAILABLE: The router dropped the tunnel."
            in caplog.messages
        )

    run(test)


def test_a_router_that_refuses(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def test(bench: Bench) -> None:
        await bench.running
        assert "broke: UNAUTHENTICATED: invalid jwt token" in caplog.text

    run(test, behaviour=RouterBehaviour(refuse=Refusal()))


def test_a_router_that_is_not_there(tmp_path: Path, unused_port: int, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        writers: list[asyncio.StreamWriter] = []
        server = await asyncio.start_unix_server(lambda _, writer: writers.append(writer), tmp_path / "s")
        moving = asyncio.Event()
        moving.set()
        for insecure in (False, True):
            access = ControllerAccess("", "n", "e", "t", insecure=insecure)
            endpoint = f"127.0.0.1:{unused_port}"
            await Tunnel(access, endpoint, "token", str(tmp_path / "s"), moving, ExporterTiming()).run()
        for writer in writers:
            writer.close()
        server.close()
        await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(test(), LIMIT_S))
    assert f"The stream to the router at 127.0.0.1:{unused_port} broke: UNAVAILABLE: " in caplog.messages[0]
    assert f"The router cannot be reached: No connection to 127.0.0.1:{unused_port}: " in caplog.messages[1]
    assert "token" not in caplog.text


def test_a_session_that_is_gone(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def test(bench: Bench) -> None:
        _, writer = await bench.session
        writer.transport.abort()
        assert await bench.receive() == (b"", GOAWAY)
        for _ in range(100):
            if bench.running.done():
                break
            await bench.send(b"x" * 1000)
            await asyncio.sleep(0.005)
        await bench.running

    run(test)


def test_the_survivor_of_a_half_open_tunnel(run: Run) -> None:
    async def test(bench: Bench) -> None:
        _, writer = await bench.session
        await bench.until(bench.router.tunnels)
        bench.client.cancel()
        await bench.until(lambda: bench.router.journal.open.get("half-open streams"))
        await asyncio.sleep(0.05)
        assert not bench.running.done()
        # Nothing is heard of the client until there is something to say to it.
        writer.write(b"anybody?")
        await bench.running

    run(test)


def test_nothing_passes_while_nothing_may_move(run: Run) -> None:
    async def test(bench: Bench) -> None:
        reader, writer = await bench.session
        bench.moving.clear()
        writer.write(b"down")
        await bench.send(b"up")
        reading, receiving = asyncio.ensure_future(reader.readexactly(2)), asyncio.ensure_future(bench.receive())
        await asyncio.sleep(0.05)
        assert not reading.done()
        assert not receiving.done()
        bench.moving.set()
        assert (await reading, await receiving) == (b"up", (b"down", DATA))

    run(test)
