"""What the journal writes down of real RPCs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest

from JumpstarterLibrary.exporter.hosting import LoopThread
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.journal import Journal, JournalInterceptor, masked
from JumpstarterLibrary.protocol import CONTROLLER, ControllerStub, jumpstarter_pb2, service_handler

START = datetime(2030, 1, 1, tzinfo=UTC)
METADATA = (("authorization", "Bearer secret"), ("jumpstarter-name", "alice"))


class Servicer:
    async def register(self, _request: Any, _context: Any) -> Any:
        return jumpstarter_pb2.RegisterResponse(uuid="u")

    async def unregister(self, _request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such exporter")

    async def dial(self, _request: Any, _context: Any) -> Any:
        raise ValueError("broken")

    async def status(self, _request: Any, context: Any) -> None:
        await context.write(jumpstarter_pb2.StatusResponse())
        await asyncio.Event().wait()

    async def listen(self, _request: Any, _context: Any) -> AsyncIterator[Any]:
        yield jumpstarter_pb2.ListenResponse()
        yield jumpstarter_pb2.ListenResponse()


@contextmanager
def serving(journal: Journal) -> Iterator[ControllerStub]:
    thread = LoopThread("journal-test")

    async def start() -> tuple[Any, int]:
        server = grpc.aio.server(interceptors=[JournalInterceptor(journal, "controller")])
        server.add_generic_rpc_handlers((service_handler(CONTROLLER, Servicer()),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    server, port = thread.run(start())
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield ControllerStub(channel)
    finally:
        thread.run(server.stop(0))
        thread.stop()


@pytest.fixture
def journal() -> Journal:
    return Journal(clock=Clock(scale=0, start=START))


def failing(function: Callable[[], object]) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as info:
        function()
    error: Any = info.value
    code: grpc.StatusCode = error.code()
    return code


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_answers_and_refusals(journal: Journal) -> None:
    with serving(journal) as stub:
        stub.register(jumpstarter_pb2.RegisterRequest(labels={"a": "b"}), metadata=METADATA, timeout=5)
        failing(lambda: stub.unregister(jumpstarter_pb2.UnregisterRequest(), timeout=5))
        failing(lambda: stub.dial(jumpstarter_pb2.DialRequest(), timeout=5))
        assert failing(lambda: stub.get_lease(jumpstarter_pb2.GetLeaseRequest(), timeout=5)) is (
            grpc.StatusCode.UNIMPLEMENTED
        )
        assert len(list(stub.listen(jumpstarter_pb2.ListenRequest(), timeout=5))) == 2
    good, refused, broken, missing, listened = journal.entries()
    assert (good.server, good.service, good.method, good.caller) == (
        "controller",
        "ControllerService",
        "Register",
        "alice",
    )
    assert (good.code, good.details, good.time) == (grpc.StatusCode.OK, "", START)
    assert good.seconds is not None
    assert good.limit_s is not None
    # gRPC rounds it on its way.
    assert 0 < good.limit_s < 5.1
    assert good.metadata is not None
    assert good.metadata["authorization"] == "Bearer ***"
    assert dict(good.request.labels) == {"a": "b"}
    assert (refused.method, refused.code, refused.details) == (
        "Unregister",
        grpc.StatusCode.NOT_FOUND,
        "no such exporter",
    )
    assert (broken.method, broken.code) == ("Dial", grpc.StatusCode.UNKNOWN)
    assert (missing.method, missing.code) == ("GetLease", grpc.StatusCode.UNIMPLEMENTED)
    assert (listened.method, listened.code) == ("Listen", grpc.StatusCode.OK)
    assert journal.open == {}


def test_streams_are_written_down_while_they_run(journal: Journal) -> None:
    with serving(journal) as stub:
        call = stub.status(jumpstarter_pb2.StatusRequest())
        next(iter(call))
        (entry,) = journal.entries("ControllerService", "Status")
        assert (entry.code, entry.seconds) == (None, None)
        assert entry.limit_s is None
        assert journal.open == {"calls": 1}
        call.cancel()
        asyncio.run(_until(lambda: not journal.open))
    (entry,) = journal.entries()
    assert entry.code is grpc.StatusCode.CANCELLED


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


def test_a_refusal_is_written_down_before_the_caller_has_it(journal: Journal) -> None:
    sent: list[object] = []

    class Context(SimpleNamespace):
        async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: object) -> None:
            (entry,) = journal.entries()
            sent.append((code, details, trailing_metadata))
            sent.append((entry.code, entry.details, entry.seconds is not None, journal.open))

    async def refuse() -> None:
        context = Context(code=lambda: 0, details=lambda: b"", time_remaining=lambda: None)
        with journal.call("router", "/x.y.Service/Method", [], context) as (_, watched):
            await watched.abort(grpc.StatusCode.ABORTED, "not now")

    asyncio.run(refuse())
    assert sent == [
        (grpc.StatusCode.ABORTED, "not now", ()),
        (grpc.StatusCode.ABORTED, "not now", True, {}),
    ]
    (entry,) = journal.entries()
    assert (entry.code, entry.details) == (grpc.StatusCode.ABORTED, "not now")


def test_selection_and_limit() -> None:
    journal = Journal(limit=3)
    answers = {"code": 0, "details": b"", "time_remaining": None}
    context: Any = SimpleNamespace(**{name: lambda answer=answer: answer for name, answer in answers.items()})
    for name in ("a", "b", "a", "b"):
        with journal.call("router", "/x.y.Service/Method", [("jumpstarter-name", name)], context):
            pass
    assert [call.caller for call in journal.entries()] == ["b", "a", "b"]
    assert len(journal.entries(service="Service", method="Method", caller="b")) == 2
    assert journal.entries(service="Other") == []
    journal.clear()
    assert journal.entries() == []


def test_counters() -> None:
    journal = Journal()
    with journal.opened("tunnels"):
        journal.count("listens", 2)
        assert journal.open == {"listens": 2, "tunnels": 1}
    assert journal.open == {"listens": 2}


def test_secrets_are_masked() -> None:
    metadata = (("authorization", "token"), ("x-jumpstarter-passphrase", "p"), ("key-bin", b"\xff"), ("a", "b"))
    assert masked(metadata) == {
        "authorization": "***",
        "x-jumpstarter-passphrase": "***",
        "key-bin": "\ufffd",
        "a": "b",
    }
