"""Reports, status, log stream, servers and their ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import ByteStream, Driver, Features, Session, export, exportstream
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.serving import serve_unix
from JumpstarterLibrary.exporter.session import AVAILABLE, BEFORE_LEASE_HOOK, LEASE_READY
from JumpstarterLibrary.exporter.streams import memory_pair
from JumpstarterLibrary.protocol import EXPORTER, ExporterStub, common_pb2, jumpstarter_pb2
from JumpstarterLibrary.protocol.wellknown import Empty

DEADLINE_S = 5


@dataclass(kw_only=True)
class Board(Driver):
    """A driver that keeps a diary."""

    events: list[str] = field(default_factory=list)
    bad: str | None = None

    @classmethod
    def client(cls) -> str:
        return "test.Board"

    def reset(self) -> None:
        self.events.append("reset")
        if self.bad == "reset":
            raise RuntimeError("no reset")

    def close(self) -> None:
        self.events.append("close")
        if self.bad == "close":
            raise RuntimeError("no close")

    @export
    async def say(self, text: str) -> None:
        self.logger.info(text)

    @export
    async def wait(self, seconds: float) -> str:
        try:
            self.events.append("waiting")
            await asyncio.sleep(seconds)
            return "done"
        finally:
            self.events.append("left")

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ByteStream]:
        near, _far = memory_pair()
        try:
            yield near
        finally:
            self.events.append("stream closed")


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _status(answer: jumpstarter_pb2.GetStatusResponse) -> tuple[int, str, int, int | None]:
    previous = answer.previous_status if answer.HasField("previous_status") else None
    return answer.status, answer.message, answer.status_version, previous


def test_the_report_tells_session_labels_motd_and_tree(connect: Any) -> None:
    uuid = uuid4()
    root = Composite(children={"board": Board(description="a board")})
    with connect(root, uuid=uuid, labels={"jumpstarter.dev/name": "bench"}, motd="Hello.") as wire:
        report = wire.report()
        assert (report.uuid, dict(report.labels), report.motd) == (
            str(uuid),
            {"jumpstarter.dev/name": "bench"},
            "Hello.",
        )
        assert [entry.description for entry in report.reports] == ["", "a board"]
        assert report.reports[1].parent_uuid == report.reports[0].uuid
        assert list(report.alternative_endpoints) == []


def test_status_counts_and_remembers(connect: Any) -> None:
    with connect(Board(), status=None) as wire:
        assert _status(wire.status()) == (AVAILABLE, "", 0, None)
        wire.exporter.call(wire.exporter.session.update_status, LEASE_READY, "Ready for commands")
        assert _status(wire.status()) == (LEASE_READY, "Ready for commands", 1, AVAILABLE)
        wire.exporter.call(wire.exporter.session.update_status, LEASE_READY)
        assert _status(wire.status()) == (LEASE_READY, "", 2, LEASE_READY)


def test_a_standalone_session_is_ready(connect: Any) -> None:
    with connect(Board()) as wire:
        assert _status(wire.status()) == (LEASE_READY, "", 1, AVAILABLE)


def test_calls_run_in_every_status_unless_gated(connect: Any, refused: Any) -> None:
    with connect(Board(), status=None) as wire:
        assert wire.call("say", "hello") is None
    with connect(Board(), status=None, features=Features(gate_calls=True)) as wire:
        assert refused(lambda: wire.call("say", "hello")) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "The exporter takes no driver calls in status AVAILABLE. Wait for LEASE_READY.",
        )
        wire.exporter.call(wire.exporter.session.update_status, BEFORE_LEASE_HOOK)
        assert wire.call("say", "hello") is None


def test_end_session(connect: Any) -> None:
    request = jumpstarter_pb2.EndSessionRequest()
    with connect(Board()) as wire:
        answer = wire.stub.end_session(request, timeout=DEADLINE_S)
        assert (answer.success, answer.message) == (False, "No active lease context")
    ended: list[bool] = []
    with connect(Board(), on_end_session=lambda: ended.append(True)) as wire:
        assert wire.stub.end_session(request, timeout=DEADLINE_S).success is True
        assert ended == [True]


def test_reset_is_not_implemented(connect: Any, refused: Any) -> None:
    with connect(Board()) as wire, grpc.insecure_channel(f"unix:{wire.exporter.host}") as channel:
        reset = channel.unary_unary(f"/{EXPORTER}/Reset")
        assert refused(lambda: reset(b"", timeout=DEADLINE_S))[0] is grpc.StatusCode.UNIMPLEMENTED


def test_an_old_exporter_can_be_played(connect: Any, refused: Any) -> None:
    with connect(Board(), features=Features(get_status=False, end_session=False, log_stream=False)) as wire:
        calls: list[Callable[[], object]] = [
            wire.status,
            lambda: wire.stub.end_session(jumpstarter_pb2.EndSessionRequest(), timeout=DEADLINE_S),
            lambda: next(wire.stub.log_stream(Empty(), timeout=DEADLINE_S)),
        ]
        assert [refused(call)[0] for call in calls] == [grpc.StatusCode.UNIMPLEMENTED] * 3
        assert wire.call("say", "hello") is None


def test_the_log_stream_gives_each_record_once(connect: Any) -> None:
    with connect(Board()) as wire:
        wire.call("say", "before")
        records = wire.stub.log_stream(Empty(), timeout=DEADLINE_S)
        assert next(records).message == "before"
        wire.call("say", "after")
        record = next(records)
        assert (record.message, record.severity, record.source) == ("after", "INFO", common_pb2.LOG_SOURCE_DRIVER)
        assert (record.driver_type, record.operation) == ("Board", "say")
        logs = wire.exporter.session.logs
        _until(lambda: len(logs._readers) == 1)
        records.cancel()
        _until(lambda: not logs._readers)
        logs.write("hook line", common_pb2.LOG_SOURCE_AFTER_LEASE_HOOK, "WARNING")
        again = wire.stub.log_stream(Empty(), timeout=DEADLINE_S)
        assert next(again).message == "hook line"
        again.cancel()


def test_drivers_are_reset_first_and_closed_last(connect: Any) -> None:
    board = Board()
    with connect(board) as wire:
        wire.report()
        assert board.events == ["reset"]
    assert board.events == ["reset", "close"]


def test_a_driver_that_cannot_reset_is_closed_and_told(connect: Any) -> None:
    board = Board(bad="reset")
    with pytest.raises(RuntimeError, match=r"^no reset$"), connect(board):
        pass
    assert board.events == ["reset", "close"]


def test_a_driver_that_cannot_close_is_logged(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    with connect(Board(bad="close")) as wire:
        wire.report()
    assert "A driver did not close: no close" in caplog.messages


def test_stopping_gives_running_calls_a_grace(connect: Any, refused: Any) -> None:
    board = Board()
    with connect(board, grace=5) as wire:
        short = wire.start("wait", 0.2)
        _until(lambda: "waiting" in board.events)
        wire.stop()
        assert short.result().result.string_value == "done"


def test_stopping_cancels_what_takes_longer(connect: Any, refused: Any) -> None:
    board = Board()
    with connect(board, grace=0.1) as wire:
        long = wire.start("wait", 60)
        stream = wire.open()
        assert stream.metadata == {}
        _until(lambda: "waiting" in board.events)
        wire.stop()
        assert refused(long.result)[0] is grpc.StatusCode.UNAVAILABLE
        assert refused(stream.receive)[0] is grpc.StatusCode.UNAVAILABLE
        stream.cancel()
    assert board.events[-1] == "close"
    assert sorted(board.events[2:-1]) == ["left", "stream closed"]


def test_what_only_waits_does_not_delay_the_stop(connect: Any, refused: Any) -> None:
    # The stop has a limit of 15 seconds itself.
    with connect(Board(), grace=3600) as wire:
        records = wire.stub.log_stream(Empty(), timeout=DEADLINE_S)
        records.initial_metadata()
        stream = wire.offer()
        stream.goaway()
        assert stream.handle
        wire.exporter.run(_end_of_offer(wire))
        assert stream.read_all() == b""
        wire.stop()
        assert refused(lambda: list(records)) == (grpc.StatusCode.UNAVAILABLE, "Cancelling all calls")
        stream.cancel()


async def _end_of_offer(wire: Any) -> None:
    (offer,) = wire.exporter.session.root_driver.resources.values()
    await offer.stream.aclose()


def test_the_default_socket_is_private_and_removed(
    connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runtime = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    with connect(Board()) as wire:
        path = Path(wire.exporter.host)
        assert (path.name, path.parent.parent) == ("socket", runtime)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert wire.call("say", "hello") is None
    assert list(runtime.iterdir()) == []


def test_a_missing_runtime_directory_is_no_obstacle(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere/at/all")
    with connect(Board()) as wire:
        assert wire.call("say", "hello") is None


def test_a_chosen_socket(connect: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("s") / "x.sock"
    with connect(Board(), path=path) as wire:
        assert wire.exporter.host == str(path)
    assert not path.exists()


def test_a_socket_path_that_is_too_long(connect: Any) -> None:
    path = "/tmp/" + "x" * 103
    with pytest.raises(ConfigurationError) as info, connect(Board(), path=path):
        pass
    assert str(info.value) == (
        f"The socket path '{path}' has 108 bytes, but unix sockets take 107. Use a shorter one, for example by a "
        f"symbolic link to its directory."
    )


def test_a_taken_port(connect: Any) -> None:
    board = Board()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError) as info, connect(board, tcp=("127.0.0.1", port)):
            pass
    assert str(info.value).startswith(f"The exporter cannot listen on 127.0.0.1:{port}: ")
    assert str(info.value).endswith(" Is another process using it?")
    assert board.events == []


def test_two_exporters_do_not_share_a_port(connect: Any) -> None:
    with connect(Board(), tcp=("127.0.0.1", 0)) as wire:
        host, _, port = wire.exporter.host.rpartition(":")
        assert wire.call("say", "hello") is None
        with pytest.raises(ConfigurationError), connect(Board(), tcp=(host, int(port))):
            pass


def test_one_session_on_two_sockets() -> None:
    board = Board()

    async def scenario() -> list[str]:
        session = Session(board)
        async with serve_unix(session) as first, serve_unix(session) as second:
            answers = []
            for path in (first, second):
                async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
                    stub = ExporterStub(channel)  # type: ignore[arg-type]
                    answers.append((await stub.get_report(Empty(), timeout=DEADLINE_S)).uuid)
        return answers

    first, second = asyncio.run(scenario())
    assert first == second
    assert board.events == ["reset", "close"]


def test_several_hosted_exporters_at_once(connect: Any) -> None:
    with connect(Board()) as one, connect(Board()) as two:
        for _ in range(50):
            one.call("say", "one")
            two.call("say", "two")
        assert one.exporter.host != two.exporter.host
        messages = [next(wire.stub.log_stream(Empty(), timeout=DEADLINE_S)).message for wire in (one, two)]
        assert messages == ["one", "two"]


def test_no_descriptors_or_threads_leak(connect: Any) -> None:
    def once() -> None:
        with connect(Board()) as wire:
            stream = wire.open()
            assert stream.metadata == {}
            stream.cancel()
            wire.call("say", "hello")

    once()
    gone = threading.active_count()
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir())) if descriptors.exists() else None
    for _ in range(5):
        once()
    if before is not None:
        assert len(list(descriptors.iterdir())) <= before + 1
    _until(lambda: threading.active_count() <= gone)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
