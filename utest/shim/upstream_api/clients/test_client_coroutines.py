"""Clients in coroutines: calls, streams, resources, logs and the exporter's status."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.abc
import pytest
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

from JumpstarterLibrary.errors import DriverError, DriverInvalidArgument, ExporterNotReady, TransferError, UsageError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower

pytestmark = pytest.mark.anyio

Served = Callable[[Driver], Any]
Eventually = Callable[[Callable[[], object]], None]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Worker(EchoNetwork):
    """Calls that last, and calls that take and give data."""

    began = cancelled = False
    kept = b""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter.client.DriverClient"

    @export
    async def work(self, seconds: float) -> str:
        self.began = True
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "done"

    @export
    async def ticks(self) -> AsyncIterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
                await asyncio.sleep(0.01)
        finally:
            self.cancelled = True

    @export
    def refuse(self) -> None:
        raise ValueError("not now")

    @export
    async def keep(self, source: dict[str, Any], limit: float = 0) -> int:
        pieces = []
        async with self.resource(source) as stream:
            async for piece in stream:
                self.began = True
                pieces.append(piece)
                if limit and sum(map(len, pieces)) >= limit:
                    break
        self.kept = b"".join(pieces)
        return len(self.kept)

    @export
    async def stall(self, source: dict[str, Any]) -> None:
        try:
            async with self.resource(source) as stream:
                await stream.receive()
                self.began = True
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    @export
    async def give(self, target: dict[str, Any]) -> None:
        async with self.resource(target) as stream:
            await stream.send(self.kept)


class Memory(anyio.abc.ObjectStream[bytes]):
    """Gives some bytes, and takes others."""

    def __init__(self, data: bytes = b"", trouble: Exception | None = None) -> None:
        self.source, self.sink, self.trouble, self.closed = io.BytesIO(data), io.BytesIO(), trouble, False

    async def receive(self) -> bytes:
        data = self.source.read(65536)
        if data:
            return data
        raise self.trouble or anyio.EndOfStream

    async def send(self, item: bytes) -> None:
        self.sink.write(item)

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        self.closed = True


class Full(Memory):
    """Takes nothing."""

    async def send(self, item: bytes) -> None:
        raise OSError("no space left")


@pytest.fixture
def driver() -> Worker:
    return Worker()


@pytest.fixture
def client(driver: Worker, served: Served) -> Any:
    return served(driver)


async def test_calls(client: Any) -> None:
    assert await client.call_async("work", 0) == "done"
    with pytest.raises(DriverInvalidArgument, match="not now"):
        await client.call_async("refuse")


async def test_many_calls_at_once_do_not_wait_for_each_other(client: Any) -> None:
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(60):
                tasks.start_soon(client.call_async, "work", 0.5)


async def test_a_call_that_is_cancelled_ends_on_the_exporter(
    client: Any, driver: Worker, eventually: Eventually
) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_async, "work", 60)
        await anyio.to_thread.run_sync(eventually, lambda: driver.began)
        tasks.cancel_scope.cancel()
    await anyio.to_thread.run_sync(eventually, lambda: driver.cancelled)


async def test_results_as_they_come_until_nobody_wants_more(
    client: Any, driver: Worker, eventually: Eventually
) -> None:
    found = []
    results = client.streamingcall_async("ticks")
    async for number in results:
        found.append(number)
        if number == 3:
            break
    await results.aclose()
    assert found == [0, 1, 2, 3]
    await anyio.to_thread.run_sync(eventually, lambda: driver.cancelled)


async def test_a_wait_for_results_that_is_cancelled(client: Any, driver: Worker, eventually: Eventually) -> None:
    with anyio.move_on_after(0.3):
        async for _ in client.streamingcall_async("ticks"):
            pass
    await anyio.to_thread.run_sync(eventually, lambda: driver.cancelled)


async def test_a_stream(client: Any) -> None:
    async with client.stream_async("connect") as stream:
        await stream.send(b"hello")
        assert await stream.receive() == b"hello"
        with anyio.move_on_after(0.05) as scope:
            await stream.receive()
        assert scope.cancelled_caught
        await stream.send(b"again")
        assert await stream.receive() == b"again", "a wait that was cancelled has swallowed data"
        await stream.send_eof()
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()


async def test_much_data_in_both_directions(client: Any) -> None:
    data = bytes(range(256)) * 8192
    received = bytearray()
    async with client.stream_async() as stream, anyio.create_task_group() as tasks:

        async def send() -> None:
            for start in range(0, len(data), 100_000):
                await stream.send(data[start : start + 100_000])
            await stream.send_eof()

        tasks.start_soon(send)
        async for piece in stream:
            received += piece
    assert received == data


async def test_a_resource_that_is_sent(client: Any, driver: Worker) -> None:
    source = Memory(bytes(range(256)) * 10_000)
    async with client.resource_async(source) as handle:
        assert await client.call_async("keep", handle) == 2_560_000
    assert driver.kept == bytes(range(256)) * 10_000
    assert source.closed


async def test_a_compressed_resource_arrives_as_its_content(client: Any, driver: Worker) -> None:
    import gzip

    async with client.resource_async(Memory(gzip.compress(b"content")), content_encoding="gzip") as handle:
        await client.call_async("keep", handle)
    assert driver.kept == b"content"


async def test_a_resource_that_is_received(client: Any, driver: Worker) -> None:
    driver.kept = b"a medium " * 300_000
    sink = Memory()
    async with client.resource_async(sink) as handle:
        await client.call_async("give", handle)
    assert sink.sink.getvalue() == driver.kept
    assert sink.closed


async def test_errors_inside_of_a_resource_come_as_they_are(client: Any) -> None:
    with pytest.raises(DriverInvalidArgument, match="not now"):
        async with client.resource_async(Memory(b"data")):
            await client.call_async("refuse")


async def test_a_source_that_breaks_makes_the_call_fail(client: Any, driver: Worker) -> None:
    broken = Memory(bytes(1_000_000), OSError("the disk has gone"))
    with pytest.raises(TransferError) as failure:
        async with client.resource_async(broken) as handle:
            await client.call_async("keep", handle)
    assert isinstance(failure.value, DriverError)
    assert str(failure.value) == (
        "The image 'async stream' could not be read to its end: the disk has gone. 1000000 bytes were sent, and the "
        "write was cancelled."
    )
    assert driver.kept == b"", "a truncated image was taken for a whole one"


async def test_a_source_that_is_closed_makes_the_call_fail(client: Any, driver: Worker) -> None:
    with pytest.raises(
        TransferError, match="The image 'async stream' could not be read to its end: BrokenResourceError"
    ):
        async with client.resource_async(Memory(bytes(100), anyio.BrokenResourceError())) as handle:
            await client.call_async("keep", handle)
    assert driver.kept == b""


async def test_a_sink_that_breaks_makes_the_call_fail(client: Any, driver: Worker) -> None:
    driver.kept = bytes(1_000_000)
    with pytest.raises(TransferError, match=r"^The image could not be written to 'async stream': no space left\.$"):
        async with client.resource_async(Full()) as handle:
            await client.call_async("give", handle)


async def test_a_driver_that_takes_only_a_part_is_told_of(client: Any) -> None:
    with pytest.raises(
        TransferError, match="reported success in 'keep' after taking only a part of 'async stream': at most "
    ):
        async with client.resource_async(Memory(bytes(100_000_000))) as handle:
            await client.call_async("keep", handle, 1000)


async def test_a_cancelled_upload_cancels_its_call(client: Any, driver: Worker, eventually: Eventually) -> None:
    source = Memory(bytes(10_000_000))

    async def upload() -> None:
        async with client.resource_async(source) as handle:
            await client.call_async("stall", handle)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upload)
        await anyio.to_thread.run_sync(eventually, lambda: driver.began)
        tasks.cancel_scope.cancel()
    await anyio.to_thread.run_sync(eventually, lambda: driver.cancelled)
    assert source.closed
    assert await client.call_async("work", 0) == "done"


class Stuck(Memory):
    """Gives some bytes, and then no more, but does not end."""

    async def receive(self) -> bytes:
        try:
            return await super().receive()
        except anyio.EndOfStream:
            await anyio.sleep_forever()
            raise


async def test_a_cancelled_upload_is_not_taken_for_whole(client: Any, driver: Worker, eventually: Eventually) -> None:
    failures: list[TransferError] = []

    async def upload() -> None:
        async with client.resource_async(Stuck(bytes(1_000_000))) as handle:
            # The stream is cancelled while the call is not.
            with anyio.CancelScope(shield=True), anyio.fail_after(10):
                try:
                    await client.call_async("keep", handle)
                except TransferError as error:
                    failures.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upload)
        await anyio.to_thread.run_sync(eventually, lambda: driver.began)
        tasks.cancel_scope.cancel()
    assert [str(error) for error in failures] == ["The upload of 'async stream' was cancelled before its end."]
    assert driver.kept == b"", "a truncated image was taken for a whole one"


async def test_the_log(served: Served, caplog: pytest.LogCaptureFixture, eventually: Eventually) -> None:
    client = served(MockPower())
    with caplog.at_level(logging.INFO):
        async with client.log_stream_async():
            await client.call_async("on")
            await anyio.to_thread.run_sync(
                eventually, lambda: ("exporter:driver", logging.INFO, "power on") in caplog.record_tuples
            )


async def test_the_status(client: Any) -> None:
    assert client.status is None
    assert await client.get_status_async() is ExporterStatus.LEASE_READY
    await client.check_exporter_status()
    await client.wait_for_lease_ready(timeout=5)
    async with client.status_monitor_async(0.01) as monitor:
        assert await monitor.wait_for_status(ExporterStatus.LEASE_READY, timeout=5)
        assert client.status is ExporterStatus.LEASE_READY
        await client.wait_for_lease_ready_monitored(timeout=5)
        assert await monitor.wait_for_any_of([ExporterStatus.AVAILABLE], timeout=0.05) is None
        assert not await client.wait_for_hook_complete_monitored(timeout=0.05)
    assert client.status is None
    assert await client.wait_for_hook_complete_monitored()
    with pytest.raises(UsageError, match=r"status is not monitored\. Use it inside status_monitor_async"):
        await client.wait_for_lease_ready_monitored()


async def test_an_exporter_that_is_not_ready(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from JumpstarterLibrary.client.link import ExporterState

    state = ExporterState("BEFORE_LEASE_HOOK_FAILED", "it broke", 3)
    monkeypatch.setattr(client.stub.device.link, "get_status", lambda timeout=5: state)
    with pytest.raises(ExporterNotReady) as failure:
        await client.check_exporter_status()
    assert isinstance(failure.value, DriverError)
    assert str(failure.value) == "The exporter takes no driver calls: its status is BEFORE_LEASE_HOOK_FAILED."
    async with client.status_monitor_async(0.01):
        with pytest.raises(DriverError, match=r"did not become ready in 0\.1 seconds: its status is BEFORE_LEASE"):
            await client.wait_for_lease_ready_monitored(timeout=0.1)


async def test_changes_of_the_status_are_told(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from JumpstarterLibrary.client.link import ExporterState

    told: list[Any] = []
    states = iter([("AVAILABLE", 1), ("LEASE_READY", 4)])
    last = [("AVAILABLE", 1)]

    def get_status(timeout: float = 5) -> ExporterState:
        last[0] = next(states, last[0])
        return ExporterState(last[0][0], "", last[0][1])

    monkeypatch.setattr(client.stub.device.link, "get_status", get_status)

    async def tell(new: ExporterStatus, old: ExporterStatus | None) -> None:
        told.append((new, old))

    async with client.status_monitor_async(0.01) as monitor:
        monitor.on_status_change(tell)
        assert await monitor.wait_for_status(ExporterStatus.LEASE_READY, timeout=5)
        with anyio.fail_after(5):
            while len(told) < 2:
                await anyio.sleep(0.01)
    assert (monitor.status_version, monitor.missed_transitions) == (4, 2)
    assert told == [
        (ExporterStatus.AVAILABLE, None),
        (ExporterStatus.LEASE_READY, ExporterStatus.AVAILABLE),
    ]


async def test_the_end_of_a_session(client: Any) -> None:
    assert await client.end_session_async() is False, "a standalone exporter has no lease to end"


async def test_without_anyio_there_is_a_sentence(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pytest_jumpstarter.upstream_api.clients.coroutines", raising=False)
    monkeypatch.setitem(sys.modules, "anyio", None)
    with pytest.raises(UsageError) as failure:
        await client.call_async("work", 0)
    assert str(failure.value) == (
        "What a client offers to coroutines needs the package 'anyio', which is not installed. "
        "Install robotframework-jumpstarter[upstream]."
    )
