"""Transfers whose handle goes into calls that other code makes."""

from __future__ import annotations

import gzip
import hashlib
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.events import CallBegun, Event, TransferEnded
from JumpstarterLibrary.client.sink import DownloadSink
from JumpstarterLibrary.client.source import RemoteSource, Source
from JumpstarterLibrary.errors import DriverInvalidArgument, TransferError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.types import Compression

Serving = Callable[[Driver], Any]
Connecting = Callable[[str], Device]
Eventually = Callable[[Callable[[], object]], None]


class Store(Driver):
    """Keeps what it is given."""

    kept = b""

    @classmethod
    def client(cls) -> str:
        return "nowhere.StoreClient"

    @export
    async def keep(self, source: dict[str, Any], limit: float = 0) -> int:
        pieces = []
        async with self.resource(source) as stream:
            async for piece in stream:
                pieces.append(piece)
                if limit and sum(map(len, pieces)) >= limit:
                    break
        self.kept = b"".join(pieces)
        return len(self.kept)

    @export
    async def give(self, target: dict[str, Any]) -> None:
        async with self.resource(target) as stream:
            await stream.send(self.kept)

    @export
    async def keep_in_steps(self, source: dict[str, Any], limit: float = 0) -> AsyncIterator[int]:
        pieces: list[bytes] = []
        async with self.resource(source) as stream:
            async for piece in stream:
                pieces.append(piece)
                if limit and sum(map(len, pieces)) >= limit:
                    break
                yield sum(map(len, pieces))
        self.kept = b"".join(pieces)

    @export
    async def refuse(self, source: dict[str, Any]) -> None:
        raise ValueError("not now")


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def device(store: Store, serving: Serving, connecting: Connecting) -> Device:
    return connecting(serving(store).host)


@contextmanager
def uploaded(
    device: Device, opener: Any, name: str, size: int | None = None, compression: Compression = Compression.none
) -> Iterator[dict[str, Any]]:
    """Open an upload from what an opener opens, or of some bytes, and yield its handle."""
    source = Source(name, size, opener=(lambda: io.BytesIO(opener)) if isinstance(opener, bytes) else opener)
    with device.client._transfer(None, source=source, compression=compression) as transfer:
        yield transfer.handle


@contextmanager
def downloaded(device: Device, write: Callable[[bytes], object], name: str) -> Iterator[dict[str, Any]]:
    with device.client._transfer(None, sink=DownloadSink(name, write)) as transfer:
        yield transfer.handle


def test_a_call_takes_what_is_offered(device: Device, store: Store) -> None:
    events: list[Event] = []
    device.link.events.subscribe(events.append)
    data = bytes(range(256)) * 20_000
    with uploaded(device, data, "image.bin", len(data)) as handle:
        assert device.client.call("keep", handle) == len(data)
    assert store.kept == data
    (told,) = (event for event in events if isinstance(event, TransferEnded))
    assert (told.operation, told.name, told.size) == ("'keep' of the root driver", "image.bin", len(data))
    assert told.sha256 == hashlib.sha256(data).hexdigest()


def test_a_compressed_source_arrives_as_its_content(device: Device, store: Store) -> None:
    with uploaded(device, gzip.compress(b"content"), "x.gz", None, Compression.gzip) as handle:
        device.client.call("keep", handle)
    assert store.kept == b"content"


def test_a_call_gives_what_it_is_asked_for(device: Device, store: Store) -> None:
    store.kept = b"a medium " * 100_000
    found = io.BytesIO()
    with downloaded(device, found.write, "memory") as handle:
        device.client.call("give", handle)
    assert found.getvalue() == store.kept


def test_nothing_is_taken_and_nothing_given_where_no_call_is_made(device: Device) -> None:
    with uploaded(device, b"data", "x") as given:
        assert device.resource_handles.of((given,)) is not None
    with downloaded(device, io.BytesIO().write, "y") as taken:
        assert device.resource_handles.of((1, taken)) is not None
    assert device.resource_handles.of(({"uuid": "nobody"}, given, taken)) is None


def test_a_refusal_comes_as_it_is(device: Device) -> None:
    with (
        pytest.raises(DriverInvalidArgument, match="not now"),
        uploaded(device, b"x", "x") as handle,
    ):
        device.client.call("refuse", handle)
    assert device.resource_handles.of((handle,)) is None


class Breaking(io.BytesIO):
    """A file that cannot be read to its end."""

    def __init__(self) -> None:
        super().__init__(bytes(3_000_000))

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise OSError("the disk has gone")
        return data


def test_a_source_that_breaks_makes_the_call_fail(device: Device, store: Store) -> None:
    with pytest.raises(TransferError) as failure, uploaded(device, Breaking, "image.bin") as handle:
        device.client.call("keep", handle)
    assert str(failure.value) == (
        "The image 'image.bin' could not be read to its end: the disk has gone. 3000000 bytes were sent, and the write "
        "was cancelled."
    )
    assert store.kept == b"", "a truncated image was taken for a whole one"


def test_a_source_that_broke_before_the_call(device: Device, store: Store, eventually: Eventually) -> None:
    def broken() -> Any:
        file = Breaking()
        file.seek(0, io.SEEK_END)
        return file

    def work() -> None:
        with uploaded(device, broken, "x") as handle:
            offer = device.resource_handles.of((handle,))
            assert offer is not None
            eventually(lambda: offer.failed)
            device.client.call("keep", handle)

    with pytest.raises(TransferError, match="The image 'x' could not be read to its end: the disk has gone"):
        work()
    assert store.kept == b""


def test_a_source_that_broke_without_any_call(device: Device, eventually: Eventually) -> None:
    def broken() -> Any:
        file = Breaking()
        file.seek(0, io.SEEK_END)
        return file

    def work() -> None:
        with uploaded(device, broken, "x") as handle:
            offer = device.resource_handles.of((handle,))
            assert offer is not None
            eventually(lambda: offer.failed)

    with pytest.raises(TransferError, match="The image 'x' could not be read to its end: the disk has gone"):
        work()


def test_a_failure_while_the_call_is_being_made_waits_until_it_can_cancel_it(device: Device) -> None:
    class Call:
        succeeded, reason, operation = False, None, None

        def cancel(self, reason: Exception | None = None) -> None:
            self.reason = self.reason or reason
            order.append("call cancelled")

    order: list[str] = []
    failure, call = TransferError("the source has gone"), Call()
    with device.client._transfer(None, source=Source("x", None, opener=lambda: io.BytesIO(b"data"))) as transfer:
        handle = device.resource_handles.of((transfer.handle,))
        assert handle is not None
        cancel = handle.frames.cancel
        handle.frames.cancel = lambda: (order.append("stream cancelled"), cancel())
        failing = threading.Thread(target=handle.fail, args=(failure,))

        def start() -> Any:
            failing.start()
            failing.join(0.2)
            assert order == [], "the stream was ended before the call was known"
            return call

        handle.begin(start)
        failing.join(10)
        assert order[:2] == ["call cancelled", "stream cancelled"]
        with pytest.raises(TransferError, match="the source has gone"):
            handle.begin(start)
    assert call.reason is failure


def test_a_driver_that_takes_only_a_part_is_told_of(device: Device, store: Store) -> None:
    data = bytes(100_000_000)
    with (
        pytest.raises(
            TransferError,
            match=r"^The root driver reported success in 'keep' after taking only a part of 'big': at most \d+ of "
            r"100000000 bytes\.$",
        ),
        uploaded(device, data, "big", len(data)) as handle,
    ):
        device.client.call("keep", handle, 1000)


def test_a_streaming_call_takes_what_is_offered(device: Device, store: Store) -> None:
    calls: list[CallBegun] = []
    device.link.events.subscribe(lambda event: calls.append(event) if isinstance(event, CallBegun) else None)
    data = bytes(range(256)) * 20_000
    with uploaded(device, data, "image.bin", len(data)) as handle:
        *_, last = device.client.streamingcall("keep_in_steps", handle)
    assert (last, store.kept) == (len(data), data)
    assert [(call.method, call.args) for call in calls] == [("keep_in_steps", ["image.bin"])]


def test_a_source_that_breaks_makes_the_streaming_call_fail(device: Device, store: Store) -> None:
    with pytest.raises(TransferError) as failure, uploaded(device, Breaking, "image.bin") as handle:
        list(device.client.streamingcall("keep_in_steps", handle))
    assert str(failure.value) == (
        "The image 'image.bin' could not be read to its end: the disk has gone. 3000000 bytes were sent, and the write "
        "was cancelled."
    )
    assert store.kept == b"", "a truncated image was taken for a whole one"


def test_a_streaming_call_that_takes_only_a_part_is_told_of(device: Device, store: Store) -> None:
    data = bytes(100_000_000)
    with (
        pytest.raises(
            TransferError,
            match=r"^The root driver reported success in 'keep_in_steps' after taking only a part of 'big': at most "
            r"\d+ of 100000000 bytes\.$",
        ),
        uploaded(device, data, "big", len(data)) as handle,
    ):
        list(device.client.streamingcall("keep_in_steps", handle, 1000))


def test_a_streaming_call_that_is_left_early_is_cancelled(device: Device, store: Store) -> None:
    data = bytes(100_000_000)
    with uploaded(device, data, "big", len(data)) as handle:
        results = device.client.streamingcall("keep_in_steps", handle)
        assert next(results) > 0
    with pytest.raises(TransferError, match=r"^'keep_in_steps' of the root driver was cancelled\.$"):
        next(results)
    assert store.kept == b"", "a truncated image was taken for a whole one"


def test_a_sink_that_breaks_makes_the_call_fail(device: Device, store: Store) -> None:
    store.kept = bytes(1000)

    def full(data: bytes) -> None:
        raise OSError("no space left")

    with pytest.raises(TransferError, match=r"^The image could not be written to 'y': no space left\.$"):  # noqa: SIM117
        with downloaded(device, full, "y") as handle:
            device.client.call("give", handle)


def test_where_the_exporter_does_not_decompress_we_do(
    device: Device, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JMP_DISABLE_COMPRESSION", "1")
    with uploaded(device, gzip.compress(b"content"), "x.gz", None, Compression.gzip) as handle:
        device.client.call("keep", handle)
    assert store.kept == b"content"


def test_the_handle_of_a_request() -> None:
    assert RemoteSource("https://host/x", "PUT", {"a": "b"}).handle == {
        "kind": "presigned_request",
        "headers": {"a": "b"},
        "url": "https://host/x",
        "method": "PUT",
    }
