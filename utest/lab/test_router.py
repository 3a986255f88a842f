"""The lab's router, over real sockets: pairing, frames, and what a side learns of the other one's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.lab.certificates import Authority
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.router import MockRouter
from JumpstarterLibrary.lab.router_behaviour import Refusal, RouterBehaviour
from JumpstarterLibrary.lab.tokens import RouterKey
from JumpstarterLibrary.protocol import ROUTER, router_pb2

DATA = router_pb2.FRAME_TYPE_DATA
RST_STREAM = router_pb2.FRAME_TYPE_RST_STREAM
PING = router_pb2.FRAME_TYPE_PING
GOAWAY = router_pb2.FRAME_TYPE_GOAWAY

KEY = RouterKey()
LIMIT_S = 10.0
QUIET_S = 0.05
"""How long nothing has to come for a test to believe that nothing comes."""


class Side:
    """One side's stream, frame by frame."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def send(self, payload: bytes = b"", frame_type: int = DATA) -> None:
        await self.call.write(router_pb2.StreamRequest(payload=payload, frame_type=frame_type))

    async def receive(self) -> tuple[bytes, int] | None:
        frame = await self.call.read()
        return (frame.payload, frame.frame_type) if isinstance(frame, router_pb2.StreamResponse) else None

    async def half_close(self) -> None:
        await self.call.done_writing()

    async def end(self) -> tuple[grpc.StatusCode, str]:
        return await self.call.code(), await self.call.details()

    async def hears_nothing(self) -> None:
        reading = asyncio.ensure_future(self.receive())
        done, _ = await asyncio.wait({reading}, timeout=QUIET_S)
        assert not done
        # Cancelling a read cancels the whole call; whoever asks again gets this one.
        self._reading = reading

    async def then_hears(self) -> tuple[bytes, int] | None:
        return await self._reading


class Wire:
    """A router and clients of it."""

    def __init__(self, router: MockRouter, channel: grpc.aio.Channel) -> None:
        self.router = router
        self._open = channel.stream_stream(
            f"/{ROUTER}/Stream", router_pb2.StreamRequest.SerializeToString, router_pb2.StreamResponse.FromString
        )

    def side(self, stream_id: str = "s", *, token: str | None = None, scheme: str = "Bearer") -> Side:
        token = token or KEY.mint(stream_id, datetime.now(UTC))
        return Side(self._open(metadata=(("authorization", f"{scheme} {token}"),)))

    def bare(self, *metadata: tuple[str, str]) -> Side:
        return Side(self._open(metadata=metadata))

    async def pair(self, stream_id: str = "s") -> tuple[Side, Side]:
        """Return two sides of one tunnel; the first one had waited."""
        first = self.side(stream_id)
        await self.until(lambda: self.router.waiting() == [stream_id])
        second = self.side(stream_id)
        await self.until(lambda: any(info.stream_id == stream_id for info in self.router.tunnels()))
        return first, second

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                await asyncio.sleep(0.002)

    async def left(self, **gauges: int) -> None:
        """Wait until exactly this is open."""
        await self.until(lambda: self.router.journal.open == gauges)


@asynccontextmanager
async def wire(behaviour: RouterBehaviour | None = None, **options: Any) -> AsyncIterator[Wire]:
    async with MockRouter(key=KEY, behaviour=behaviour, **options) as router:
        credentials = grpc.ssl_channel_credentials(router.ca) if router.ca else None
        opening = (
            grpc.aio.insecure_channel(router.endpoint)
            if credentials is None
            else grpc.aio.secure_channel(router.endpoint, credentials)
        )
        async with opening as channel:
            yield Wire(router, channel)


def run(test: Callable[[Wire], Awaitable[None]], behaviour: RouterBehaviour | None = None, **options: Any) -> None:
    async def running() -> None:
        async with asyncio.timeout(LIMIT_S), wire(behaviour, **options) as found:
            await test(found)

    asyncio.run(running())


def test_frames_pass_as_they_are_in_both_directions() -> None:
    frames = [(b"a", DATA), (b"", DATA), (b"x" * 3_000_000, DATA), (b"p", PING), (b"", RST_STREAM), (b"?", 42)]

    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        for one, other in ((first, second), (second, first)):
            for payload, frame_type in frames:
                await one.send(payload, frame_type)
                assert await other.receive() == (payload, frame_type)
        (info,) = wire.router.tunnels()
        sent = sum(len(payload) for payload, _ in frames)
        assert info.stream_id == "s"
        assert sent < info.first_bytes < sent + 100
        assert info.second_bytes == info.first_bytes
        assert wire.router.journal.open == {"calls": 2, "tunnels": 1}

    run(test)


def test_what_was_sent_before_the_other_side_came_is_not_lost() -> None:
    async def test(wire: Wire) -> None:
        first = wire.side()
        await first.send(b"early")
        await first.half_close()
        await wire.until(wire.router.waiting)
        second = wire.side()
        assert await second.receive() == (b"early", DATA)
        await second.send(b"late")
        assert await first.receive() == (b"late", DATA)

    run(test)


def test_a_direction_ends_by_itself_and_both_end_the_streams() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        await first.send(b"", GOAWAY)
        await first.half_close()
        assert await second.receive() == (b"", GOAWAY)
        await second.send(b"still here")
        assert await first.receive() == (b"still here", DATA)
        await second.half_close()
        assert await first.end() == (grpc.StatusCode.OK, "")
        assert await second.end() == (grpc.StatusCode.OK, "")
        await wire.left()
        codes = [call.code for call in wire.router.journal.entries("RouterService", "Stream")]
        assert codes == [grpc.StatusCode.OK, grpc.StatusCode.OK]

    run(test)


def test_a_lonely_stream_waits_until_it_goes() -> None:
    async def test(wire: Wire) -> None:
        side = wire.side("alone")
        await wire.until(lambda: wire.router.waiting() == ["alone"])
        await side.hears_nothing()
        assert wire.router.journal.open == {"calls": 1, "waiting router streams": 1}
        side.call.cancel()
        await wire.left()
        assert wire.router.waiting() == []
        # The next one does not meet it.
        other = wire.side("alone")
        await wire.until(lambda: wire.router.waiting() == ["alone"])
        await other.hears_nothing()

    run(test)


def test_a_third_stream_waits_for_a_fourth() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        third = wire.side()
        await wire.until(lambda: wire.router.waiting() == ["s"])
        await first.send(b"one")
        assert await second.receive() == (b"one", DATA)
        fourth = wire.side()
        await third.send(b"two")
        assert await fourth.receive() == (b"two", DATA)
        assert [info.stream_id for info in wire.router.tunnels()] == ["s", "s"]

    run(test)


UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("metadata", "details"),
    [
        ([], "missing or invalid authorization: 0 authorization values"),
        ([("authorization", "Basic x")], "missing or invalid authorization: not a bearer token"),
        (
            [("authorization", "Bearer a"), ("authorization", "Bearer b")],
            "missing or invalid authorization: 2 authorization values",
        ),
        ([("authorization", "Bearer nonsense")], "invalid jwt token"),
    ],
)
def test_streams_without_a_token_are_refused(metadata: list[tuple[str, str]], details: str) -> None:
    async def test(wire: Wire) -> None:
        assert await wire.bare(*metadata).end() == (UNAUTHENTICATED, details)
        await wire.left()
        (call,) = wire.router.journal.entries()
        assert (call.code, call.details) == (UNAUTHENTICATED, details)
        assert "nonsense" not in str(call)

    run(test)


@pytest.mark.parametrize(
    ("key", "offset", "life"),
    [
        (RouterKey(), timedelta(0), timedelta(minutes=30)),
        (KEY, timedelta(0), timedelta(seconds=-5)),
        (KEY, timedelta(minutes=5), timedelta(minutes=30)),
    ],
    ids=["another router's", "expired", "not valid yet"],
)
def test_tokens_that_do_not_fit_are_refused(key: RouterKey, offset: timedelta, life: timedelta) -> None:
    async def test(wire: Wire) -> None:
        token = key.mint("s", datetime.now(UTC) + offset, life)
        assert await wire.side(token=token).end() == (UNAUTHENTICATED, "invalid jwt token")

    run(test)


def test_a_token_is_looked_at_only_when_a_stream_opens() -> None:
    clock = Clock()

    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        clock.advance(3600)
        await first.send(b"on")
        assert await second.receive() == (b"on", DATA)
        assert await wire.side().end() == (UNAUTHENTICATED, "invalid jwt token")

    run(test, clock=clock)


def test_the_scheme_is_compared_without_case() -> None:
    async def test(wire: Wire) -> None:
        wire.side(scheme="bEARER")
        await wire.until(lambda: wire.router.waiting() == ["s"])

    run(test)


def test_the_side_that_came_second_hears_of_its_peers_death_when_it_sends() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        first.call.cancel()
        await wire.left(calls=1, tunnels=1, **{"half-open streams": 1})
        await second.hears_nothing()
        await second.send(b"anybody?")
        with pytest.raises(grpc.aio.AioRpcError):
            await second.then_hears()
        assert await second.end() == (grpc.StatusCode.CANCELLED, "context canceled")
        await wire.left()

    run(test)


def test_the_side_that_had_waited_gets_an_ordinary_end() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        second.call.cancel()
        await wire.left(calls=1, tunnels=1, **{"half-open streams": 1})
        await first.hears_nothing()
        await first.send(b"anybody?")
        assert await first.then_hears() is None
        assert await first.end() == (grpc.StatusCode.OK, "")
        await wire.left()

    run(test)


def test_a_half_close_is_a_sign_of_life_too() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        second.call.cancel()
        await wire.left(calls=1, tunnels=1, **{"half-open streams": 1})
        await first.half_close()
        assert await first.end() == (grpc.StatusCode.OK, "")

    run(test)


def test_a_survivor_that_is_blocked_hears_of_it_at_once() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        stuck = asyncio.ensure_future(flood(first))
        await wire.until(lambda: wire.router.tunnels()[0].first_bytes > 0)
        await asyncio.sleep(QUIET_S)
        second.call.cancel()
        await stuck
        await wire.left()
        # The client is not told of it: a frame that could not be sent is all that it sees.
        assert wire.router.journal.entries()[0].code is grpc.StatusCode.OK

    run(test)


async def flood(side: Side) -> None:
    frame = b"x" * 1_000_000
    try:
        for _ in range(1000):
            await side.send(frame)
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        # What gRPC raises when the stream has ended: the first with an error, the second without one.
        return


@pytest.mark.parametrize("dying", [0, 1])
def test_a_clean_router_tells_the_survivor(dying: int) -> None:
    async def test(wire: Wire) -> None:
        sides = await wire.pair()
        sides[dying].call.cancel()
        assert await sides[1 - dying].end() == (
            grpc.StatusCode.UNAVAILABLE,
            "The other side of the tunnel is gone.",
        )
        await wire.left()

    run(test, RouterBehaviour(half_open="clean"))


def test_a_reader_that_is_slow_holds_the_sender_back() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        flooding = asyncio.ensure_future(flood(first))
        await wire.until(lambda: wire.router.tunnels()[0].first_bytes)
        moved = -1
        while moved != (moved := wire.router.tunnels()[0].first_bytes):
            await asyncio.sleep(0.1)
        assert 0 < moved < 32_000_000
        assert not flooding.done()
        second.call.cancel()
        await flooding

    run(test)


def test_tunnels_can_be_dropped() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair("a")
        third, fourth = await wire.pair("b")
        assert wire.router.drop("a") == 1
        for side in (first, second):
            assert await side.end() == (grpc.StatusCode.UNAVAILABLE, "The router dropped the tunnel.")
        await third.send(b"on")
        assert await fourth.receive() == (b"on", DATA)
        assert wire.router.drop() == 1
        await wire.left()
        assert wire.router.drop() == 0

    run(test)


def test_a_tunnel_can_fall_silent() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        assert wire.router.drop(how="silent") == 1
        await first.send(b"lost")
        await second.hears_nothing()
        assert len(wire.router.tunnels()) == 1
        # Even then a dropped tunnel ends.
        wire.router.drop()
        assert (await first.end())[0] is grpc.StatusCode.UNAVAILABLE

    run(test)


def test_a_tunnel_can_be_dropped_while_its_first_frame_is_written() -> None:
    async def test(wire: Wire) -> None:
        for number in range(20):
            first, second = await wire.pair(f"t{number}")
            # More than a side takes that does not read yet.
            await first.send(b"x" * 1024 * 1024)
            await wire.until(lambda: any(info.first_bytes for info in wire.router.tunnels()))
            wire.router.drop()
            for side in (first, second):
                with suppress(grpc.aio.AioRpcError):
                    await side.receive()
                assert await side.end() == (grpc.StatusCode.UNAVAILABLE, "The router dropped the tunnel.")
            await wire.until(lambda: not wire.router.tunnels())

    run(test)


def test_there_is_no_third_way_to_drop_a_tunnel() -> None:
    with pytest.raises(ValueError, match=r"^A tunnel can be dropped by reset or silent, not by 'axe'\.$"):
        MockRouter(key=KEY).drop(how="axe")


def test_new_streams_can_be_refused_for_a_while() -> None:
    refuse = Refusal(code=grpc.StatusCode.RESOURCE_EXHAUSTED, details="too many", times=2)

    async def test(wire: Wire) -> None:
        for _ in range(2):
            assert await wire.side().end() == (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many")
        await wire.pair()
        wire.router.behaviour.refuse = Refusal()
        for _ in range(3):
            assert await wire.side().end() == (UNAUTHENTICATED, "invalid jwt token")

    run(test, RouterBehaviour(refuse=refuse))


def test_streams_need_not_be_paired() -> None:
    async def test(wire: Wire) -> None:
        wire.router.behaviour.never_pair = True
        first = wire.side()
        await wire.left(calls=1, **{"waiting router streams": 1})
        second = wire.side()
        await wire.left(calls=2, **{"waiting router streams": 2})
        await first.hears_nothing()
        wire.router.behaviour.never_pair = False
        # Whoever came last is still met; the one before stays alone for ever.
        third = wire.side()
        await third.send(b"hello")
        assert await second.receive() == (b"hello", DATA)

    run(test)


def test_frames_can_be_cut_and_mixed_with_odd_ones() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        await first.send(b"abcdefg")
        odd = [(b"odd", PING), (b"odd", RST_STREAM), (b"odd", 99), (b"", DATA)]
        parts = [(b"abc", DATA), (b"def", DATA), (b"g", DATA)]
        for expected in odd + parts:
            assert await second.receive() == expected
        await first.send(b"", GOAWAY)
        for expected in [*odd, (b"", GOAWAY)]:
            assert await second.receive() == expected

    run(test, RouterBehaviour(rechunk=3, empty_frames=True, odd_frames=True))


def test_a_router_can_be_slow() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await first.send(b"x")
        await second.receive()
        assert loop.time() - begin >= 0.1
        wire.router.behaviour.delay_s = 0
        wire.router.behaviour.bytes_per_second = 1_000_000
        begin = loop.time()
        for _ in range(4):
            await first.send(b"x" * 25_000)
            await second.receive()
        assert loop.time() - begin >= 0.1

    run(test, RouterBehaviour(delay_s=0.1))


def test_a_router_that_stops_breaks_all_streams_and_comes_back_on_the_same_port() -> None:
    async def test(wire: Wire) -> None:
        first, second = await wire.pair()
        alone = wire.side("alone")
        await wire.until(wire.router.waiting)
        endpoint = wire.router.endpoint
        await wire.router.stop_serving()
        for side in (first, second, alone):
            assert (await side.end())[0] is grpc.StatusCode.UNAVAILABLE
        await wire.left()
        assert (wire.router.tunnels(), wire.router.waiting()) == ([], [])
        await wire.router.start_serving()
        assert wire.router.endpoint == endpoint
        # The channel pauses after a lost connection.
        async with grpc.aio.secure_channel(endpoint, grpc.ssl_channel_credentials(wire.router.ca)) as channel:
            first, second = await Wire(wire.router, channel).pair()
            await first.send(b"on")
            assert await second.receive() == (b"on", DATA)

    run(test)


def test_a_router_without_tls() -> None:
    async def test(wire: Wire) -> None:
        assert wire.router.ca == b""
        first, second = await wire.pair()
        await first.send(b"plain")
        assert await second.receive() == (b"plain", DATA)

    run(test, plaintext=True)


def test_a_certificate_of_ones_own() -> None:
    authority = Authority()
    certificate = authority.issue("localhost")

    async def test() -> None:
        async with MockRouter(key=KEY, certificate=certificate) as router:
            assert router.ca == certificate.certificate
            port = router.endpoint.rpartition(":")[2]
            credentials = grpc.ssl_channel_credentials(authority.pem)
            async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
                wire = Wire(router, channel)
                first, second = await wire.pair()
                await first.send(b"signed")
                assert await second.receive() == (b"signed", DATA)

    asyncio.run(asyncio.wait_for(test(), LIMIT_S))


def test_a_port_that_is_taken() -> None:
    async def test(wire: Wire) -> None:
        port = int(wire.router.endpoint.rpartition(":")[2])
        with pytest.raises(
            ConfigurationError,
            match=rf"^The router cannot listen on 127\.0\.0\.1:{port}: .*\. Is another process using it\?$",
        ):
            await MockRouter(key=KEY, port=port).start_serving()

    run(test)


def test_in_a_thread_of_its_own(nothing_left: None) -> None:
    with MockRouter(key=KEY) as router:
        metadata = (("authorization", f"Bearer {KEY.mint('s', datetime.now(UTC))}"),)
        with grpc.secure_channel(router.endpoint, grpc.ssl_channel_credentials(router.ca)) as channel:
            call = channel.stream_stream(f"/{ROUTER}/Stream", None, None)
            frame = router_pb2.StreamRequest(payload=b"hello").SerializeToString()
            first, second = call(iter([frame]), metadata=metadata), call(iter([frame]), metadata=metadata)
            assert list(first) == list(second) == [frame]
        with pytest.raises(ConfigurationError), MockRouter(key=KEY, port=int(router.endpoint.rpartition(":")[2])):
            pass
