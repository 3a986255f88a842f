"""Uploads and downloads: complete, cut off, cancelled, refused, and with peers that behave oddly.

The exporter here takes a cut-off upload for a whole one, as upstream's does: that is the trap to stay out of.
"""

from __future__ import annotations

import asyncio
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import grpc
import pytest

from JumpstarterLibrary.client import Device, Timing
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.events import Event, Progress, TransferEnded
from JumpstarterLibrary.client.resource import ResourceHandle
from JumpstarterLibrary.client.sink import DownloadSink
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.client.stream import FRAME
from JumpstarterLibrary.client.transfers import PROGRESS_S, Transfer, _Sending
from JumpstarterLibrary.common.compression import PIECE_LIMIT
from JumpstarterLibrary.errors import DriverError, LinkError, OperationTimeout, TransferError, UsageError
from JumpstarterLibrary.exporter import Driver, Features, export
from JumpstarterLibrary.protocol import decode, jumpstarter_pb2, router_pb2
from JumpstarterLibrary.protocol.generated.router_pb2 import FRAME_TYPE_DATA
from JumpstarterLibrary.protocol.names import MESSAGE_LIMIT
from JumpstarterLibrary.types import Compression

LIMIT_S = 10.0
LARGE = 96 << 20
"""More than an exporter and gRPC buffer between them."""

LIKE_UPSTREAM = Features(cut_off_is_error=False)


class Medium(Driver):
    """Takes and gives data in all the ways that a test needs, and writes down how each call ended."""

    def __init__(self) -> None:
        super().__init__()
        self.started, self.ended = threading.Event(), threading.Event()
        self.go = asyncio.Event()
        self.data = bytearray()
        self.outcome = ""

    @classmethod
    def client(cls) -> str:
        return "test.Medium"

    async def _ends(self, work: Any) -> Any:
        try:
            result = await work
        except asyncio.CancelledError:
            self.outcome = "cancelled"
            raise
        except Exception as error:
            self.outcome = f"failed: {error}"
            raise
        else:
            self.outcome = "succeeded"
            return result
        finally:
            self.ended.set()

    @export
    async def write(self, handle: dict[str, Any]) -> None:
        await self._ends(self._write(handle))

    async def _write(self, handle: dict[str, Any]) -> None:
        async with self.resource(handle) as source:
            async for chunk in source:
                self.data += chunk
                self.started.set()

    @export
    async def write_slowly(self, handle: dict[str, Any]) -> None:
        """Take one chunk, wait for the test, and take the rest."""

        async def work() -> None:
            async with self.resource(handle) as source:
                self.data += await source.receive()
                self.started.set()
                await self.go.wait()
                async for chunk in source:
                    self.data += chunk

        await self._ends(work())

    @export
    async def write_part(self, handle: dict[str, Any]) -> str:
        async with self.resource(handle) as source:
            self.data += await source.receive()
        return "done"

    @export
    async def write_exactly(self, handle: dict[str, Any], size: int) -> None:
        async with self.resource(handle) as source:
            while len(self.data) < size:
                self.data += await source.receive()

    @export
    async def refuse(self, handle: dict[str, Any]) -> None:
        raise OSError("no medium")

    @export
    async def refuse_later(self, handle: dict[str, Any]) -> None:
        async with self.resource(handle) as source:
            await source.receive()
            raise OSError("the medium is full")

    @export
    async def read(self, handle: dict[str, Any]) -> int:
        async with self.resource(handle) as sink:
            for start in range(0, len(self.data), FRAME):
                await sink.send(bytes(self.data[start : start + FRAME]))
        return len(self.data)

    @export
    async def read_and_answer_later(self, handle: dict[str, Any]) -> None:
        async with self.resource(handle) as sink:
            await sink.send(b"data")
            await sink.send_eof()
            self.started.set()
            await self.go.wait()

    @export
    async def read_endlessly(self, handle: dict[str, Any]) -> None:
        async def work() -> None:
            async with self.resource(handle) as sink:
                while True:
                    await sink.send(bytes(FRAME))
                    self.started.set()

        await self._ends(work())

    @export
    async def read_and_fail(self, handle: dict[str, Any]) -> None:
        async with self.resource(handle) as sink:
            await sink.send(b"first half")
            raise OSError("bad sector")

    @export
    async def read_never(self, handle: dict[str, Any]) -> None:
        self.started.set()
        await self._ends(self.go.wait())


@pytest.fixture
def medium() -> Medium:
    return Medium()


@pytest.fixture
def device(medium: Medium, device_with: Callable[..., Device]) -> Device:
    return device_with({"medium": medium}, features=LIKE_UPSTREAM)


@pytest.fixture
def driver(device: Device) -> Any:
    return device.client.medium


def random_bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# Uploads that arrive


@pytest.mark.parametrize("size", [0, 1, FRAME, FRAME + 1, 5 * FRAME + 7])
def test_an_upload(driver: Any, medium: Medium, size: int, tmp_path: Path) -> None:
    content = random_bytes(size)
    (tmp_path / "image").write_bytes(content)
    for source in (Source.of(content), Source.of(tmp_path / "image")):
        medium.data.clear()
        sent = driver._upload("write", source, timeout=LIMIT_S)
        assert sent == Transfer(size, sha256(content), sha256(content), size, sent.seconds)
        assert (bytes(medium.data), medium.outcome) == (content, "succeeded")


def lengthy(size: int, clock: MovableClock) -> Source:
    """Return a source whose frames take so long that progress is told of each."""

    class File(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            clock.advance(PROGRESS_S)
            return super().read(size)

    class Lengthy(Source):
        def open(self) -> BinaryIO:
            return File(bytes(self.size))

    return Lengthy("long", size)


def test_progress_is_told(device: Device, driver: Any, frozen_clock: MovableClock) -> None:
    events: list[Event] = []
    device.link.events.subscribe(events.append)
    driver._upload("write", lengthy(3 * FRAME, frozen_clock))
    # Not more than once a second.
    driver._upload("write", Source.of(bytes(3 * FRAME)))
    told = [(event.operation, event.done, event.total) for event in events if isinstance(event, Progress)]
    text = "'write' of driver 'medium'"
    assert told == [(text, FRAME, 3 * FRAME), (text, 2 * FRAME, 3 * FRAME), (text, 3 * FRAME, 3 * FRAME)]


def test_a_completed_upload_is_told(device: Device, driver: Any, medium: Medium, tmp_path: Path) -> None:
    seen: list[Event] = []
    device.link.events.subscribe(seen.append)
    source = tmp_path / "fw.img"
    source.write_bytes(b"firmware")
    driver._upload("write", Source.of(source))
    (told,) = (event for event in seen if isinstance(event, TransferEnded))
    assert (told.operation, told.name, told.size) == ("'write' of driver 'medium'", "fw.img", 8)
    assert told.sha256 == hashlib.sha256(b"firmware").hexdigest()


def test_a_driver_that_stops_at_the_size_it_expects(driver: Any, medium: Medium) -> None:
    content = random_bytes(3 * FRAME + 5)
    assert driver._upload("write_exactly", Source.of(content), len(content)).size == len(content)
    assert bytes(medium.data) == content


def test_a_handle_is_good_for_one_call(driver: Any) -> None:
    with driver._uploading("write", Source.of(b"data")) as sending:
        driver.write(sending.handle)
    with pytest.raises(DriverError) as caught:
        driver.write(sending.handle)
    assert str(caught.value) == (
        f"'write' of driver 'medium' failed on the exporter: No resource {sending.handle['uuid']} was offered to this "
        f"driver, or it has been used. Open a new one."
    )


def test_frames_stay_below_the_limit_of_a_message(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    peer = Peer()
    connecting(odd_exporter(**peer.methods)).driver("x")._upload("write", Source.of(bytes(9 * FRAME)))
    sizes = [len(frame.payload) for frame in peer.frames]
    assert (max(sizes), sum(sizes)) == (FRAME, 9 * FRAME)
    assert FRAME < MESSAGE_LIMIT
    assert peer.frames[-1].frame_type == router_pb2.FRAME_TYPE_GOAWAY


# Uploads that do not arrive: the driver must never take what it got for the whole


class Failing(Source):
    """A source that cannot be read to its end."""

    def open(self) -> BinaryIO:
        return _Failing(self.size)


class _Failing(io.RawIOBase, BinaryIO):  # type: ignore[misc]
    def __init__(self, size: int) -> None:
        self._left = size // 2

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            raise OSError(5, "Input/output error")
        data = bytes(min(size, self._left))
        self._left -= len(data)
        return data


def not_taken_for_whole(medium: Medium) -> None:
    assert medium.ended.wait(LIMIT_S)
    assert medium.outcome == "cancelled"


def never_taken_for_whole(device: Device, medium: Medium) -> None:
    """The same where the call may have been cancelled before it reached the driver."""
    device.link.barrier()
    assert medium.outcome in ("", "cancelled")


def test_a_source_that_cannot_be_read_half_way(driver: Any, medium: Medium) -> None:
    with pytest.raises(TransferError) as caught:
        driver._upload("write", Failing("image", 8 * FRAME))
    assert str(caught.value) == (
        f"The image 'image' could not be read to its end: Input/output error. {4 * FRAME} of {8 * FRAME} bytes were "
        f"sent, and the write was cancelled."
    )
    not_taken_for_whole(medium)


def test_a_source_that_disappears_before_it_is_read(
    device: Device, driver: Any, medium: Medium, tmp_path: Path
) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"x" * 10)
    source = Source.of(path)
    path.unlink()
    with pytest.raises(TransferError) as caught:
        driver._upload("write", source)
    assert str(caught.value) == (
        "The image 'image' could not be read to its end: No such file or directory. 0 of 10 bytes were sent, and the "
        "write was cancelled."
    )
    never_taken_for_whole(device, medium)


@pytest.mark.parametrize(("change", "found"), [(-FRAME, str(LARGE - FRAME)), (FRAME, "more")])
def test_a_source_that_changes_while_it_is_read(
    change: int, found: str, driver: Any, medium: Medium, device: Device, tmp_path: Path, serving: Any
) -> None:
    path = tmp_path / "image"
    path.touch()
    os.truncate(path, LARGE)  # sparse: no bytes are written

    def change_it() -> None:
        medium.started.wait(LIMIT_S)
        os.truncate(path, LARGE + change)
        medium.started.clear()
        medium.go._loop.call_soon_threadsafe(medium.go.set)  # type: ignore[attr-defined]

    changing = threading.Thread(target=change_it, daemon=True)
    changing.start()
    with pytest.raises(TransferError) as caught:
        driver._upload("write_slowly", Source.of(path))
    changing.join(LIMIT_S)
    assert str(caught.value) == (
        f"The image 'image' changed while it was read: {LARGE} bytes at first, {found} at the end. The write was "
        f"cancelled."
    )
    not_taken_for_whole(medium)


def test_a_subscriber_that_raises_against_the_rules(
    device: Device, driver: Any, medium: Medium, frozen_clock: MovableClock
) -> None:
    def subscriber(_event: Event) -> None:
        raise ValueError("a bug of ours")

    device.link.events.subscribe(subscriber, Progress)
    with pytest.raises(TransferError) as caught:
        driver._upload("write", lengthy(4 * FRAME, frozen_clock))
    assert str(caught.value) == "'write' of driver 'medium' was cancelled."
    never_taken_for_whole(device, medium)


def test_an_upload_that_is_not_done_in_time(
    device: Device, driver: Any, medium: Medium, during: Any, clock: MovableClock
) -> None:
    join = during(lambda: driver._upload("write_slowly", Source.of(bytes(2 * FRAME)), timeout=60))
    assert medium.started.wait(LIMIT_S)
    clock.advance(60)
    with pytest.raises(OperationTimeout) as caught:
        join()
    assert str(caught.value) == (
        "'write_slowly' of driver 'medium' did not finish within 60 seconds and was cancelled. The exporter may still "
        "be working on it. Give it more time with timeout=."
    )
    never_taken_for_whole(device, medium)


def test_an_endless_upload_that_is_not_done_in_time(
    device: Device, driver: Any, medium: Medium, during: Any, clock: MovableClock
) -> None:
    for _ in range(10):  # the moment differs
        medium.outcome = ""
        medium.started.clear()
        join = during(lambda: driver._upload("write", Slow("slow", 1 << 40), timeout=60))
        assert medium.started.wait(LIMIT_S)
        clock.advance(60)
        with pytest.raises(OperationTimeout):
            join()
        never_taken_for_whole(device, medium)


def test_the_end_of_a_source_after_the_stop_is_not_sent_as_its_end() -> None:
    class Stopped(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                sending.stop()
            return data

    sending = _Sending(Source("stream", None, opener=lambda: Stopped(b"a part")), Compression.none, hash_content=False)
    sending.start(cast(ResourceHandle, SimpleNamespace(decoded=True)))
    assert [(frame.frame_type, frame.payload) for frame in sending] == [(FRAME_TYPE_DATA, b"a part")]


class Slow(Source):
    """A source that gives data bit by bit, for ever."""

    def open(self) -> BinaryIO:
        return _Slow()


class _Slow(io.RawIOBase, BinaryIO):  # type: ignore[misc]
    def read(self, size: int = -1) -> bytes:
        threading.Event().wait(0.0005)
        return b"x" * 100


def test_an_exporter_too_old_to_tell_its_status(device_with: Callable[..., Device], medium: Medium) -> None:
    old = Features(get_status=False, end_session=False, log_stream=False, cut_off_is_error=False)
    device = device_with({"medium": medium}, features=old)
    with pytest.raises(TransferError, match=r"^The image 'image' could not be read to its end: Input/output error\. "):
        device.client.medium._upload("write", Failing("image", 64 * FRAME))
    not_taken_for_whole(medium)


def test_an_upload_that_is_interrupted(driver: Any, medium: Medium, alarm: Any) -> None:
    alarm.after(medium.started)
    with pytest.raises(alarm.Interruption) as caught:
        driver._upload("write_slowly", Source.of(bytes(2 * FRAME)))
    not_taken_for_whole(medium)
    assert caught.value.__traceback__ is not None


def test_an_endless_upload_that_is_interrupted(driver: Any, medium: Medium, alarm: Any) -> None:
    alarm.after(medium.started)
    with pytest.raises(alarm.Interruption):
        driver._upload("write", Slow("slow", 1 << 40))
    not_taken_for_whole(medium)


def test_a_driver_that_refuses_at_once(driver: Any) -> None:
    with pytest.raises(DriverError) as caught:
        driver._upload("refuse", Source.of(bytes(LARGE)), timeout=LIMIT_S)
    assert str(caught.value) == "'refuse' of driver 'medium' failed on the exporter: no medium."


def test_a_driver_that_fails_while_the_upload_is_held_up(driver: Any) -> None:
    with pytest.raises(DriverError) as caught:
        driver._upload("refuse_later", Source.of(bytes(LARGE)), timeout=LIMIT_S)
    assert str(caught.value) == "'refuse_later' of driver 'medium' failed on the exporter: the medium is full."


def test_a_driver_that_takes_only_a_part(driver: Any) -> None:
    with pytest.raises(TransferError, match=r"^Driver 'medium' reported success in 'write_part' after ") as caught:
        driver._upload("write_part", Source.of(bytes(LARGE)), timeout=LIMIT_S)
    text, _, numbers = str(caught.value).partition(": at most ")
    assert text == ("Driver 'medium' reported success in 'write_part' after taking only a part of 'bytes in memory'")
    sent, _, rest = numbers.partition(" ")
    assert 0 < int(sent) < LARGE
    assert rest == f"of {LARGE} bytes."


# The order on the wire


class Peer:
    """A bare exporter that writes down what reaches it, and in which order its RPCs end."""

    def __init__(self, accepts: str | None = "", *, answers: bool = True) -> None:
        self.frames: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.calls: list[list[Any]] = []
        self.log: list[str] = []
        self.took_all, self.called, self.over = threading.Event(), threading.Event(), threading.Event()
        self._accepts = accepts
        self._answers = answers

    @property
    def methods(self) -> dict[str, Any]:
        return {"stream": self.stream, "driver_call": self.call, "get_status": self.status}

    def stream(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        context.add_callback(lambda: self.log.append("stream over"))
        request = json.loads(dict(context.invocation_metadata())["request"])
        self.requests.append(request)
        handle = {"kind": "client_stream", "uuid": "h"}
        encoding = {"x_jmp_content_encoding": request["x_jmp_content_encoding"]}
        metadata = [("resource", json.dumps(handle | encoding))]
        if self._accepts is not None:
            metadata.append(("x_jmp_accept_encoding", self._accepts))
        context.send_initial_metadata(metadata)
        try:
            self.frames.extend(requests)
        except grpc.RpcError:
            return
        self.took_all.set()
        yield router_pb2.StreamResponse(frame_type=router_pb2.FRAME_TYPE_GOAWAY)

    def call(self, request: Any, context: Any) -> Any:
        context.add_callback(lambda: (self.log.append("call over"), self.over.set()))
        self.calls.append([decode(argument) for argument in request.args])
        self.called.set()
        (self.took_all if self._answers else self.over).wait(LIMIT_S)
        return jumpstarter_pb2.DriverCallResponse()

    def status(self, _request: object, _context: object) -> Any:
        self.log.append("asked")
        return jumpstarter_pb2.GetStatusResponse()


@pytest.mark.parametrize("failure", ["source", "timeout"])
def test_the_call_is_cancelled_before_the_stream(
    failure: str,
    odd_exporter: Callable[..., str],
    connecting: Callable[..., Device],
    during: Any,
    eventually: Any,
    clock: MovableClock,
) -> None:
    peer = Peer(answers=False)

    class FailingDuringTheCall(Failing):
        def open(self) -> BinaryIO:
            assert peer.called.wait(LIMIT_S)
            return super().open()

    driver = connecting(odd_exporter(**peer.methods)).driver("x")
    source = FailingDuringTheCall("image", 2 * FRAME) if failure == "source" else Slow("slow", 1 << 40)
    join = during(lambda: driver._upload("write", source, timeout=60))
    assert peer.called.wait(LIMIT_S)
    if failure == "timeout":
        clock.advance(60)
    with pytest.raises(TransferError if failure == "source" else OperationTimeout):
        join()
    eventually(lambda: "stream over" in peer.log)
    # An answer in between proves that the exporter has seen the first before the second is sent.
    assert list(dict.fromkeys(peer.log[peer.log.index("call over") :])) == ["call over", "asked", "stream over"]


def test_a_stream_that_breaks_while_the_call_goes_on(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    peer = Peer()

    def stream(requests: Iterator[Any], context: Any) -> Iterator[Any]:
        peer._accepts = None
        context.send_initial_metadata([("resource", '{"kind": "client_stream", "uuid": "h"}')])
        next(requests)
        peer.took_all.set()
        context.abort(grpc.StatusCode.ABORTED, "RouterStream: aclose")
        return iter(())

    driver = connecting(odd_exporter(**{**peer.methods, "stream": stream})).driver("x")
    with pytest.raises(TransferError, match=r"^Driver 'x' reported success in 'write' after taking only a part of "):
        driver._upload("write", Slow("slow", 1 << 40), timeout=LIMIT_S)


# Compressed sources

ENCODINGS = [
    pytest.param(Compression.gzip, gzip.compress, id="gzip"),
    pytest.param(Compression.xz, lzma.compress, id="xz"),
    pytest.param(Compression.bz2, bz2.compress, id="bz2"),
]


@pytest.mark.parametrize("decodes", ["exporter", "client"])
@pytest.mark.parametrize("hash_content", [False, True])
@pytest.mark.parametrize(("kind", "compress"), ENCODINGS)
def test_a_compressed_upload(
    kind: Compression,
    compress: Callable[[bytes], bytes],
    hash_content: bool,
    decodes: str,
    driver: Any,
    medium: Medium,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if decodes == "client":
        monkeypatch.setenv("JMP_DISABLE_COMPRESSION", "1")
    content = random_bytes(1000) * 1100
    source = Source.of(compress(content))
    sent = driver._upload("write", source, compression=kind, hash_content=hash_content)
    assert bytes(medium.data) == content
    known = (sha256(content), len(content)) if hash_content else (None, None)
    assert sent == Transfer(source.size, sha256(source.data or b""), *known, sent.seconds)


@pytest.mark.parametrize("accepts", ["", None, "xz"])
def test_an_exporter_that_does_not_decode_gets_plain_data(
    accepts: str | None, odd_exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    peer = Peer(accepts)
    content = random_bytes(3 * FRAME)
    driver = connecting(odd_exporter(**peer.methods)).driver("x")
    driver._upload("write", Source.of(gzip.compress(content)), compression=Compression.gzip)
    assert b"".join(frame.payload for frame in peer.frames) == content
    assert peer.requests[0]["x_jmp_content_encoding"] == "gzip"
    assert peer.calls == [[{"kind": "client_stream", "uuid": "h", "x_jmp_content_encoding": None}]]


def test_an_exporter_that_decodes_gets_the_file(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    peer = Peer("zstd")
    driver = connecting(odd_exporter(**peer.methods)).driver("x")
    driver._upload("write", Source.of(b"as it is"), compression=Compression.zstd)
    assert b"".join(frame.payload for frame in peer.frames) == b"as it is"
    assert peer.calls == [[{"kind": "client_stream", "uuid": "h", "x_jmp_content_encoding": "zstd"}]]


@pytest.mark.parametrize(
    ("accepts", "hash_content", "sentence"),
    [
        (
            "",
            False,
            "The exporter does not decompress zstd, and neither can this Python. Install "
            "robotframework-jumpstarter[zstd], decompress the image first, or use gzip, xz or bz2.",
        ),
        (
            "zstd",
            True,
            "This Python cannot decompress zstd. Install robotframework-jumpstarter[zstd], decompress the image first, "
            "or use gzip, xz or bz2.",
        ),
    ],
)
def test_what_nobody_can_decompress_is_refused_before_the_call(
    accepts: str,
    hash_content: bool,
    sentence: str,
    odd_exporter: Callable[..., str],
    connecting: Callable[..., Device],
    without_zstd: None,
) -> None:
    peer = Peer(accepts)
    driver = connecting(odd_exporter(**peer.methods)).driver("x")
    with pytest.raises(UsageError) as caught:
        driver._upload("write", Source.of(b"x"), compression=Compression.zstd, hash_content=hash_content)
    assert (str(caught.value), peer.calls, peer.frames) == (sentence, [], [])


DAMAGED = gzip.compress(random_bytes(3 * FRAME))[: 2 * FRAME]


def test_a_corrupt_source_that_the_exporter_decodes(driver: Any, medium: Medium) -> None:
    with pytest.raises(DriverError) as caught:
        driver._upload("write", Source.of(DAMAGED), compression=Compression.gzip)
    assert str(caught.value) == (
        "'write' of driver 'medium' failed on the exporter: The gzip data ended too early: it was cut off on its way."
    )
    assert medium.outcome.startswith("failed: ")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (DAMAGED, "The image is truncated: its gzip data ends too early."),
        (
            b"no gzip" * 1000,
            "The image is not valid gzip data: Error -3 while decompressing data: incorrect header check.",
        ),
        (b"", "The image is truncated: its gzip data ends too early."),
    ],
)
def test_a_corrupt_source_that_is_decoded_here(
    data: bytes, sentence: str, device: Device, driver: Any, medium: Medium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JMP_DISABLE_COMPRESSION", "1")
    with pytest.raises(TransferError) as caught:
        driver._upload("write", Source.of(data), compression=Compression.gzip)
    assert str(caught.value) == sentence
    never_taken_for_whole(device, medium)


def test_decoding_here_sends_small_frames(odd_exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    peer = Peer("")
    driver = connecting(odd_exporter(**peer.methods)).driver("x")
    driver._upload("write", Source.of(gzip.compress(bytes(9 * FRAME))), compression=Compression.gzip)
    assert max(len(frame.payload) for frame in peer.frames) <= PIECE_LIMIT < MESSAGE_LIMIT


# Downloads


@pytest.mark.parametrize("size", [0, 1, FRAME + 1, 9 * FRAME + 7])
def test_a_download(driver: Any, medium: Medium, size: int) -> None:
    medium.data += random_bytes(size)
    sink = io.BytesIO()
    found = driver._download("read", sink, timeout=LIMIT_S)
    assert sink.getvalue() == medium.data
    digest = sha256(bytes(medium.data))
    assert found == Transfer(size, digest, digest, size, found.seconds)


@pytest.mark.parametrize(("limit", "size"), [(0, 0), (1, 1), (FRAME, FRAME), (3 * FRAME, 3 * FRAME), (99, 99)])
def test_a_download_up_to_a_limit(driver: Any, medium: Medium, limit: int, size: int) -> None:
    medium.data += random_bytes(3 * FRAME)
    sink = io.BytesIO()
    assert driver._download("read", sink, limit=limit).size == size
    assert sink.getvalue() == medium.data[:size]


def test_a_medium_that_is_smaller_than_the_limit(driver: Any, medium: Medium) -> None:
    medium.data += b"small"
    assert driver._download("read", io.BytesIO(), limit=100).size == 5


def test_reaching_the_limit_ends_an_endless_download(driver: Any, medium: Medium) -> None:
    assert driver._download("read_endlessly", io.BytesIO(), limit=10).size == 10
    not_taken_for_whole(medium)


def test_an_answer_after_the_last_frame(driver: Any, medium: Medium, eventually: Any) -> None:
    sink = io.BytesIO()
    done = threading.Event()
    download = threading.Thread(
        target=lambda: (driver._download("read_and_answer_later", sink), done.set()), daemon=True
    )
    download.start()
    eventually(lambda: sink.getvalue() == b"data")
    assert not done.is_set()
    medium.go._loop.call_soon_threadsafe(medium.go.set)  # type: ignore[attr-defined]
    download.join(LIMIT_S)
    assert done.is_set()


def downloading(*frames: tuple[int, bytes], wait: threading.Event | None = None, ends: bool = False) -> dict[str, Any]:
    """Return the methods of an exporter whose call succeeds at once, and which sends frames then."""
    called = threading.Event()

    def stream(_requests: Iterator[Any], context: Any) -> Iterator[Any]:
        over = threading.Event()
        context.add_callback(over.set)
        context.send_initial_metadata([("resource", '{"kind": "client_stream", "uuid": "h"}')])
        called.wait(LIMIT_S)
        if wait is not None:
            wait.wait(LIMIT_S)
        for kind, payload in frames:
            yield router_pb2.StreamResponse(frame_type=kind, payload=payload)
        if not ends:
            over.wait(LIMIT_S)

    def call(_request: object, _context: object) -> Any:
        called.set()
        return jumpstarter_pb2.DriverCallResponse()

    return {"stream": stream, "driver_call": call}


def test_an_answer_before_the_first_frame(odd_exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    answered = threading.Event()
    methods = downloading((0, b"late "), (6, b""), (0, b"data"), (7, b""), wait=answered)
    driver, sink = connecting(odd_exporter(**methods)).driver("x"), io.BytesIO()
    with driver._downloading("read", DownloadSink.of(sink)) as receiving:
        driver.call("read", receiving.handle)
        answered.set()
    assert sink.getvalue() == b"late data"


def test_a_success_without_an_end_of_data(
    odd_exporter: Callable[..., str],
    connecting: Callable[..., Device],
    during: Any,
    eventually: Any,
    clock: MovableClock,
) -> None:
    device = connecting(odd_exporter(**downloading((0, b"data"))))
    device.timing = Timing(transfer_silence=60)
    driver, sink = device.driver("x"), io.BytesIO()
    join = during(lambda: driver._download("read", sink))
    eventually(sink.getvalue)
    eventually(lambda: clock.advance(1) or join.over)
    with pytest.raises(TransferError) as caught:
        join()
    assert str(caught.value) == (
        "Driver 'x' reported success in 'read', but sent no end of data and nothing else for 60 seconds. 4 bytes were "
        "received; they may be incomplete."
    )


def test_a_success_whose_data_breaks_off(odd_exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    driver = connecting(odd_exporter(**downloading((0, b"data"), ends=True))).driver("x")
    with pytest.raises(TransferError) as caught:
        driver._download("read", io.BytesIO())
    assert str(caught.value) == (
        "Driver 'x' reported success in 'read', but its data broke off. 4 bytes were received; they may be incomplete."
    )


def test_a_driver_that_fails_half_way(driver: Any) -> None:
    with pytest.raises(DriverError) as caught:
        driver._download("read_and_fail", io.BytesIO())
    assert str(caught.value) == "'read_and_fail' of driver 'medium' failed on the exporter: bad sector."


def test_a_driver_that_fails_without_touching_its_sink(driver: Any) -> None:
    with pytest.raises(DriverError) as caught:
        driver._download("refuse", io.BytesIO(), timeout=LIMIT_S)
    assert str(caught.value) == "'refuse' of driver 'medium' failed on the exporter: no medium."


@pytest.mark.parametrize("method", ["read_endlessly", "read_never"])
def test_a_download_that_is_not_done_in_time(device: Device, driver: Any, medium: Medium, method: str) -> None:
    # It takes a second: gRPC counts that.
    with pytest.raises(OperationTimeout) as caught:
        driver._download(method, io.BytesIO(), timeout=1)
    assert str(caught.value) == (
        f"'{method}' of driver 'medium' did not finish within 1 second and was cancelled. The exporter may still be "
        f"working on it. Give it more time with timeout=."
    )
    never_taken_for_whole(device, medium)


@pytest.mark.parametrize("method", ["read_endlessly", "read_never"])
def test_a_download_that_is_interrupted(driver: Any, medium: Medium, method: str, alarm: Any) -> None:
    class Nowhere(io.BytesIO):
        def write(self, data: Any) -> int:
            return len(data)

    alarm.after(medium.started)
    with pytest.raises(alarm.Interruption):
        driver._download(method, Nowhere())
    not_taken_for_whole(medium)
    medium.data += b"works again"
    sink = io.BytesIO()
    driver._download("read", sink, timeout=LIMIT_S)
    assert sink.getvalue() == b"works again"


def test_a_sink_that_is_full(driver: Any, medium: Medium) -> None:
    with Path("/dev/full").open("wb", buffering=0) as sink, pytest.raises(TransferError) as caught:
        driver._download("read_endlessly", sink)
    assert str(caught.value) == "The image could not be written to '/dev/full': No space left on device."
    not_taken_for_whole(medium)


# A link that is closed meanwhile


@pytest.mark.parametrize("direction", ["upload", "download"])
def test_a_device_that_is_closed_by_another_thread(device: Device, driver: Any, medium: Medium, direction: str) -> None:
    closing = threading.Thread(target=lambda: medium.started.wait(LIMIT_S) and device.close(), daemon=True)
    closing.start()
    transfer: dict[str, Callable[[], object]] = {
        "upload": lambda: driver._upload("write_slowly", Source.of(bytes(2 * FRAME))),
        "download": lambda: driver._download("read_endlessly", io.BytesIO()),
    }
    with pytest.raises((DriverError, LinkError, TransferError), match=r"Channel closed!|is closed|was cancelled"):
        transfer[direction]()
    closing.join(LIMIT_S)
    assert medium.ended.wait(LIMIT_S)
