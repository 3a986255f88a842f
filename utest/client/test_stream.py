"""Byte streams: opening, frames of every kind, half close, limits, and peers that behave oddly."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client import ByteStream, Device
from JumpstarterLibrary.client import outbox as outbox_module
from JumpstarterLibrary.client import stream as stream_module
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.link import Link
from JumpstarterLibrary.client.outbox import Outbox
from JumpstarterLibrary.client.status import Operation
from JumpstarterLibrary.client.stream import FLUSH_S, FRAME, Frames
from JumpstarterLibrary.errors import (
    DriverError,
    DriverMethodNotImplemented,
    InfrastructureError,
    LinkError,
    OperationTimeout,
)
from JumpstarterLibrary.exporter import BrokenStream, Driver, EndOfStream, exportstream
from JumpstarterLibrary.protocol import router_pb2
from JumpstarterLibrary.protocol.names import MESSAGE_LIMIT
from JumpstarterLibrary.protocol.streams import driver_stream_request, resource_stream_request

LIMIT_S = 10.0
DATA, RST, PING, GOAWAY = 0, 3, 6, 7

Serve = Callable[..., Device]


def receive_all(stream: ByteStream) -> bytes:
    return b"".join(iter(lambda: stream.receive(timeout=LIMIT_S), b""))


class Far(Driver):
    """A far side whose behaviour each test chooses."""

    def __init__(self, far: Any) -> None:
        super().__init__()
        self.far = far
        self.closed = threading.Event()

    @classmethod
    def client(cls) -> str:
        return "test.Far"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        try:
            yield self.far
        finally:
            self.closed.set()

    @exportstream
    @asynccontextmanager
    async def broken(self) -> AsyncIterator[Any]:
        raise ConnectionError("no such port")
        yield


class Chunks:
    """A far side that records what it gets and says what it is told to say."""

    def __init__(self, *says: bytes, then: type[BaseException] = EndOfStream) -> None:
        self.got: list[bytes] = []
        self.got_eof = threading.Event()
        self._says = iter(says)
        self._then = then

    async def send(self, data: bytes) -> None:
        self.got.append(data)

    async def receive(self) -> bytes:
        try:
            return next(self._says)
        except StopIteration:
            raise self._then("that was all") from None

    async def send_eof(self) -> None:
        self.got_eof.set()

    async def aclose(self) -> None:
        pass


class Stuck(Chunks):
    """A far side that takes nothing and says nothing, until it is closed."""

    async def send(self, data: bytes) -> None:
        await asyncio.Event().wait()

    async def receive(self) -> bytes:
        await asyncio.Event().wait()
        raise EndOfStream


# With our exporter


def test_both_ways_with_half_close(bench: Device) -> None:
    with bench.client.echo.stream() as stream:
        for text in (b"one", b"two"):
            stream.send(text)
            assert stream.receive(timeout=LIMIT_S) == text
        stream.send(b"last")
        stream.send_eof()
        stream.send_eof()
        assert receive_all(stream) == b"last"
        assert stream.receive(timeout=LIMIT_S) == b""
        with pytest.raises(LinkError) as caught:
            stream.send(b"more")
    assert str(caught.value) == "The byte stream is closed; nothing more can be sent on it."


def test_receive_gives_as_much_as_is_asked_for(bench: Device) -> None:
    with bench.client.echo.stream() as stream:
        stream.send(b"abcdef")
        assert [stream.receive(size, timeout=LIMIT_S) for size in (1, 2, 100)] == [b"a", b"bc", b"def"]


def test_closing_frees_the_device_on_the_exporter(device_with: Serve) -> None:
    driver = Far(Stuck())
    stream = device_with({"x": driver}).client.x.stream()
    assert not driver.closed.is_set()
    stream.close()
    stream.close()
    assert driver.closed.wait(LIMIT_S)
    with pytest.raises(LinkError, match=r"^The byte stream is closed; nothing more can be sent on it\.$"):
        stream.send(b"x")
    assert stream.receive(timeout=LIMIT_S) == b""


def test_what_was_sent_last_arrives(device_with: Serve) -> None:
    far = Stuck()
    taken: list[bytes] = []

    async def take(data: bytes) -> None:
        taken.append(data)

    far.send = take  # type: ignore[method-assign]
    device = device_with({"x": Far(far)})
    expected = []
    for number in range(50):
        with device.client.x.stream() as stream:
            for text in (b"reboot %d" % number, b"\n"):
                stream.send(text)
                expected.append(text)
    assert taken == expected


def test_closing_does_not_wait_for_ever_for_a_far_side_that_takes_nothing(
    device_with: Serve, during: Any, eventually: Any, frozen_clock: MovableClock
) -> None:
    stream = device_with({"x": Far(Stuck())}).client.x.stream()
    join = during(lambda: stream.send(bytes(64 * FRAME)))
    eventually(lambda: stream.waiting == outbox_module.LIMIT * FRAME)
    begin = frozen_clock.seconds()
    closing = during(stream.close)
    eventually(lambda: frozen_clock.advance(0.02) or closing.over)
    closing()
    # It was waited for, for a second.
    assert frozen_clock.seconds() - begin >= FLUSH_S
    with pytest.raises(LinkError):
        join()


def test_the_far_side_may_end_first(device_with: Serve) -> None:
    far = Chunks(b"hello")
    with device_with({"x": Far(far)}).client.x.stream() as stream:
        assert receive_all(stream) == b"hello"
        stream.send(b"still taken")
        stream.send_eof()
        assert far.got_eof.wait(LIMIT_S)
    assert far.got == [b"still taken"]


def test_empty_chunks_are_no_end(device_with: Serve) -> None:
    with device_with({"x": Far(Chunks(b"", b"a", b"", b"", b"b"))}).client.x.stream() as stream:
        assert receive_all(stream) == b"ab"


def test_a_far_side_that_breaks_ends_the_stream(device_with: Serve) -> None:
    with device_with({"x": Far(Chunks(b"a", then=BrokenStream))}).client.x.stream() as stream:
        assert receive_all(stream) == b"a"


def test_large_data_travels_in_frames_that_exporters_take(device_with: Serve, eventually: Any) -> None:
    far = Chunks()
    data = bytes(range(256)) * (20 * 1024)
    assert len(data) > MESSAGE_LIMIT
    with device_with({"x": Far(far)}).client.x.stream() as stream:
        stream.send(data, timeout=LIMIT_S)
        stream.send_eof()
        assert far.got_eof.wait(LIMIT_S)
    assert b"".join(far.got) == data
    assert max(map(len, far.got)) == FRAME
    assert FRAME < MESSAGE_LIMIT


def test_a_reader_who_does_not_read_holds_the_exporter_back(device_with: Serve, eventually: Any) -> None:
    size, chunk = 0, b"x" * (512 * 1024)

    class Endless(Chunks):
        async def receive(self) -> bytes:
            nonlocal size
            size += len(chunk)
            return chunk

    stream = device_with({"x": Far(Endless())}).client.x.stream()
    eventually(lambda: stream.buffered >= ByteStream.INBOX_LIMIT)
    assert stream.buffered < ByteStream.INBOX_LIMIT + len(chunk)
    assert stream.receive(10, timeout=LIMIT_S) == b"x" * 10
    stream.close()


def test_nothing_comes_in_time(device_with: Serve) -> None:
    with device_with({"x": Far(Stuck())}).client.x.stream() as stream:
        with pytest.raises(OperationTimeout) as caught:
            stream.receive(timeout=0.05)
        assert str(caught.value) == "No data on the byte stream within 50 milliseconds."


def test_nothing_is_taken_in_time(device_with: Serve, during: Any, eventually: Any, frozen_clock: MovableClock) -> None:
    with device_with({"x": Far(Stuck())}).client.x.stream() as stream:
        join = during(lambda: stream.send(bytes(64 * FRAME), timeout=60))
        eventually(lambda: stream.waiting == outbox_module.LIMIT * FRAME)
        frozen_clock.advance(60)
        with pytest.raises(OperationTimeout) as caught:
            join()
        assert str(caught.value) == "The far side of the byte stream took no data for 60 seconds."
        # What was sent long ago is not waited for at the end.
        frozen_clock.advance(60)


def test_a_receive_that_timed_out_loses_nothing(bench: Device) -> None:
    with bench.client.echo.stream() as stream:
        with pytest.raises(OperationTimeout):
            stream.receive(timeout=0)
        stream.send(b"later")
        assert stream.receive(timeout=LIMIT_S) == b"later"


@pytest.mark.parametrize(
    ("method", "kind", "sentence"),
    [
        (
            "nothing",
            DriverMethodNotImplemented,
            "Driver 'x' has no stream method 'nothing': Far exports no method 'nothing'. For a byte stream it has: "
            "broken, connect. Check the name, and whether it is a unary call, a streaming call or a byte stream.",
        ),
        (
            "broken",
            DriverError,
            "'broken' of driver 'x' failed on the exporter: Unexpected <class 'ConnectionError'>: no such port.",
        ),
    ],
)
def test_a_stream_that_cannot_be_opened(method: str, kind: type[Exception], sentence: str, device_with: Serve) -> None:
    device = device_with({"x": Far(Stuck())})
    # Often, since nothing may be left of any of them, and the error always comes at once.
    for _ in range(20):
        with pytest.raises(kind) as caught:
            device.client.x.stream(method)
    assert str(caught.value) == sentence


# With odd peers


def frames(link: Link, outbox: Outbox, request: str = driver_stream_request("x", "connect"), **more: Any) -> Frames:
    operation = Operation("'connect' of driver 'x'", "Driver 'x'", "connect", "stream")
    return Frames(link, request, outbox, operation, outbox.kill, **more)


def answering(*answers: tuple[int, bytes], ends: grpc.StatusCode | None = None, over: threading.Event) -> Any:
    """Return a servicer's ``stream`` that opens at once, says something, and then ends or waits."""

    def stream(_requests: Iterator[Any], context: Any) -> Iterator[Any]:
        context.send_initial_metadata(())
        for kind, payload in answers:
            yield router_pb2.StreamResponse(frame_type=kind, payload=payload)
        if ends is None:
            context.add_callback(over.set)
            over.wait(LIMIT_S)
        elif ends is not grpc.StatusCode.OK:
            context.abort(ends, "RouterStream: aclose")

    return stream


@pytest.mark.parametrize(
    ("answers", "ends", "received"),
    [
        ([(DATA, b"a"), (PING, b""), (RST, b""), (DATA, b""), (DATA, b"b"), (GOAWAY, b"")], None, b"ab"),
        ([(PING, b"no data"), (RST, b"neither"), (42, b"nor this"), (GOAWAY, b"nor that")], None, b""),
        ([(DATA, b"a"), (GOAWAY, b""), (DATA, b"after the end")], None, b"a"),
        ([(DATA, b"a")], grpc.StatusCode.OK, b"a"),
        ([(DATA, b"a"), (GOAWAY, b"")], grpc.StatusCode.ABORTED, b"a"),
    ],
)
def test_frames_of_every_kind(
    answers: Any,
    ends: grpc.StatusCode | None,
    received: bytes,
    odd_exporter: Callable[..., str],
    connecting: Serve,
    over: threading.Event,
) -> None:
    device = connecting(odd_exporter(stream=answering(*answers, ends=ends, over=over)))
    with device.driver("x").stream() as stream:
        assert receive_all(stream) == received


def test_an_end_of_data_is_told_from_a_stream_that_just_ends(
    odd_exporter: Callable[..., str], connecting: Serve, over: threading.Event
) -> None:
    found = []
    for answers in ([(DATA, b"a"), (GOAWAY, b"")], [(DATA, b"a")]):
        host = odd_exporter(stream=answering(*answers, ends=grpc.StatusCode.OK, over=over))
        outbox = Outbox()
        opened = frames(connecting(host).link, outbox)
        found.append((list(opened), opened.complete))
        opened.cancel()
    assert found == [([b"a"], True), ([b"a"], False)]


def test_a_stream_that_is_aborted(odd_exporter: Callable[..., str], connecting: Serve, over: threading.Event) -> None:
    answer = answering((DATA, b"a"), ends=grpc.StatusCode.ABORTED, over=over)
    with connecting(odd_exporter(stream=answer)).driver("x").stream() as stream:
        assert stream.receive(timeout=LIMIT_S) == b"a"
        for _ in range(2):
            with pytest.raises(DriverError) as caught:
                stream.receive(timeout=LIMIT_S)
            assert str(caught.value) == "'connect' of driver 'x' was aborted by the exporter: RouterStream: aclose."


def test_what_is_sent_ends_with_goaway(odd_exporter: Callable[..., str], connecting: Serve) -> None:
    received: list[tuple[int, bytes]] = []
    done = threading.Event()

    def stream(requests: Iterator[Any], context: Any) -> Iterator[Any]:
        context.send_initial_metadata(())
        received.append((-1, dict(context.invocation_metadata())["request"].encode()))
        received.extend((frame.frame_type, frame.payload) for frame in requests)
        done.set()
        yield router_pb2.StreamResponse(frame_type=GOAWAY)

    with connecting(odd_exporter(stream=stream)).driver("x").stream() as opened:
        opened.send(b"a")
        opened.send(b"")
        opened.send_eof()
        assert done.wait(LIMIT_S)
    assert json.loads(received[0][1]) == {"kind": "driver", "uuid": "x", "method": "connect"}
    assert received[1:] == [(DATA, b"a"), (GOAWAY, b"")]


def test_a_stream_that_ends_as_soon_as_it_is_open(odd_exporter: Callable[..., str], connecting: Serve) -> None:
    device = connecting(odd_exporter(stream=lambda _requests, _context: iter(())))
    with pytest.raises(InfrastructureError) as caught:
        device.driver("x").stream()
    assert str(caught.value) == "The exporter ended 'connect' of driver 'x' as soon as it was open."


def never_open(over: threading.Event) -> Any:
    def stream(_requests: Iterator[Any], context: Any) -> Iterator[Any]:
        context.add_callback(over.set)
        over.wait(LIMIT_S)
        return iter(())

    return stream


def test_a_stream_that_never_opens(
    odd_exporter: Callable[..., str],
    connecting: Serve,
    over: threading.Event,
    during: Any,
    eventually: Any,
    clock: MovableClock,
) -> None:
    device = connecting(odd_exporter(stream=never_open(over)))
    join = during(lambda: device.driver("x").stream())
    eventually(lambda: clock.advance(1) or join.over)
    with pytest.raises(OperationTimeout) as caught:
        join()
    assert str(caught.value) == "Driver 'x' did not open its stream for 'connect' within 30 seconds."
    assert over.wait(LIMIT_S), "the RPC was not cancelled"


def test_the_callers_deadline_limits_the_opening(
    odd_exporter: Callable[..., str], connecting: Serve, over: threading.Event
) -> None:
    link, outbox = connecting(odd_exporter(stream=never_open(over))).link, Outbox()
    with pytest.raises(OperationTimeout) as caught:
        frames(link, outbox, deadline=stream_module.Deadline(0.1))
    assert over.wait(LIMIT_S)
    assert str(caught.value) == "Driver 'x' did not open its stream for 'connect' within 100 milliseconds."


def test_an_opening_that_is_interrupted_is_cancelled(
    odd_exporter: Callable[..., str], connecting: Serve, over: threading.Event, alarm: Any
) -> None:
    started = threading.Event()

    def stream(_requests: Iterator[Any], context: Any) -> Iterator[Any]:
        context.add_callback(over.set)
        started.set()
        over.wait(LIMIT_S)
        return iter(())

    alarm.after(started)
    with pytest.raises(alarm.Interruption) as caught:
        connecting(odd_exporter(stream=stream)).driver("x").stream()
    assert over.wait(LIMIT_S), "the RPC was not cancelled"
    assert caught.value.__traceback__ is not None


@pytest.mark.parametrize("metadata", [[("resource", "no JSON")], [("resource", "7")], [("other", "x")]])
def test_a_resource_stream_without_a_usable_handle(
    metadata: Any, odd_exporter: Callable[..., str], connecting: Serve, over: threading.Event
) -> None:
    def stream(_requests: Iterator[Any], context: Any) -> Iterator[Any]:
        context.send_initial_metadata(metadata)
        context.add_callback(over.set)
        over.wait(LIMIT_S)
        return iter(())

    outbox = Outbox()
    opened = frames(connecting(odd_exporter(stream=stream)).link, outbox, resource_stream_request("x"))
    with pytest.raises(InfrastructureError) as caught:
        opened.handle()
    opened.cancel()
    assert str(caught.value) == (
        "The exporter opened a stream for 'connect' of driver 'x', but gave no usable resource handle."
    )
