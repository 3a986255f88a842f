"""A controller, a router, exporters and a client of theirs, all on one event loop and over real TLS sockets."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.leasing import ControllerAccess, ExporterTiming, LeasedExporter
from JumpstarterLibrary.exporter.leasing import lease as lease_module
from JumpstarterLibrary.exporter.session import Session
from JumpstarterLibrary.lab.controller import MockController
from JumpstarterLibrary.lab.features import RouterEntry
from JumpstarterLibrary.lab.router import MockRouter
from JumpstarterLibrary.lab.tokens import RouterKey
from JumpstarterLibrary.protocol import (
    ClientStub,
    ControllerStub,
    ExporterStub,
    RouterStub,
    client_pb2,
    common_pb2,
    jumpstarter_pb2,
    router_pb2,
)
from JumpstarterLibrary.protocol.names import REQUEST_KEY
from JumpstarterLibrary.protocol.wellknown import Empty

LIMIT_S = 20.0

FAST = ExporterTiming(scale=50.0, kill_after_s=0.2)
"""Pauses of a second take 20 ms."""


def status_name(number: int) -> str:
    """Return a status without its prefix."""
    return common_pb2.ExporterStatus.Name(number).removeprefix("EXPORTER_STATUS_")


def board() -> Composite:
    """A small board."""
    return Composite(children={"power": MockPower(), "echo": EchoNetwork()})


async def until(condition: Callable[[], object], limit_s: float = LIMIT_S / 2) -> Any:
    """Return what a condition gives, as soon as that is true."""
    async with asyncio.timeout(limit_s):
        while not (found := condition()):
            await asyncio.sleep(0.002)
    return found


LATE = {"calls", "tunnels", "half-open streams"} if int(grpc.__version__.split(".")[1]) < 70 else set()
"""What may be open for a while: older releases of gRPC do not always tell a router that a stream was cancelled."""

_QUICK = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)]


class Remote:
    """A client of an exporter, through a tunnel."""

    def __init__(self, channel: Any) -> None:
        self.stub: Any = ExporterStub(channel)

    async def report(self) -> jumpstarter_pb2.GetReportResponse:
        report: jumpstarter_pb2.GetReportResponse = await self.stub.get_report(Empty(), timeout=LIMIT_S)
        return report

    async def uuid(self, name: str) -> str:
        for driver in (await self.report()).reports:
            if driver.labels.get("jumpstarter.dev/name") == name:
                return driver.uuid
        raise LookupError(name)

    async def call(self, driver: str, method: str) -> None:
        request = jumpstarter_pb2.DriverCallRequest(uuid=await self.uuid(driver), method=method)
        await self.stub.driver_call(request, timeout=LIMIT_S)

    async def status(self) -> tuple[str, int]:
        answer = await self.stub.get_status(jumpstarter_pb2.GetStatusRequest(), timeout=LIMIT_S)
        return status_name(answer.status), answer.status_version

    async def end_session(self) -> bool:
        answer = await self.stub.end_session(jumpstarter_pb2.EndSessionRequest(), timeout=LIMIT_S)
        return bool(answer.success)

    async def echo(self) -> Any:
        """Open the byte stream of the driver ``echo``."""
        request = json.dumps({"kind": "driver", "uuid": await self.uuid("echo"), "method": "connect"})
        return self.stub.stream(metadata=((REQUEST_KEY, request),))

    async def logs(self, count: int) -> list[tuple[str, str, str]]:
        """Return so many records of the log: source, severity and message."""
        found = []
        call = self.stub.log_stream(Empty(), timeout=LIMIT_S)
        async for record in call:
            source = common_pb2.LogSource.Name(record.source).removeprefix("LOG_SOURCE_")
            found.append((source, record.severity, record.message))
            if len(found) == count:
                break
        call.cancel()
        return found


class Bench:
    """The whole cast."""

    until = staticmethod(until)

    def __init__(self, controller: MockController, router: MockRouter, stack: AsyncExitStack) -> None:
        self.controller = controller
        self.router = router
        self.running: dict[LeasedExporter, asyncio.Task[int]] = {}
        self._stack = stack
        self._token = controller.add_client("alice")
        self._trust = grpc.ssl_channel_credentials(router.ca)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        trust = grpc.ssl_channel_credentials(self.controller.ca)
        channel: Any = await self._stack.enter_async_context(
            grpc.aio.secure_channel(self.controller.endpoint, trust, options=_QUICK)
        )
        self.clients: Any = ClientStub(channel)
        self._controller_stub: Any = ControllerStub(channel)

    def metadata(self, client: str = "alice") -> tuple[tuple[str, str], ...]:
        return (
            ("authorization", f"Bearer {self._token}"),
            ("jumpstarter-kind", "Client"),
            ("jumpstarter-namespace", "default"),
            ("jumpstarter-name", client),
        )

    def access(self, name: str = "e1", **changes: Any) -> ControllerAccess:
        """Add an exporter to the controller, and return how it gets there."""
        token = self.controller.add_exporter(name, {"board": name})
        trust = self.controller.ca + self.router.ca
        return ControllerAccess(
            **{
                "endpoint": self.controller.endpoint,
                "namespace": "default",
                "name": name,
                "token": token,
                "ca": trust,
                **changes,
            }
        )

    def build(self, name: str = "e1", **options: Any) -> LeasedExporter:
        """Return an exporter that does not run yet."""
        access = options.pop("access", None) or self.access(name)
        return LeasedExporter(access, options.pop("factory", board), **{"timing": FAST, **options})

    def run(self, exporter: LeasedExporter) -> asyncio.Task[int]:
        """Let an exporter run; it is stopped at the end of the test."""
        task = self.running[exporter] = asyncio.create_task(exporter.run())
        return task

    async def exporter(self, name: str = "e1", **options: Any) -> LeasedExporter:
        """Return an exporter that has registered and heard that it is free."""
        exporter = self.build(name, **options)
        task = self.run(exporter)
        await until(lambda: task.done() or self.reported(name))
        if task.done():
            task.result()
        return exporter

    async def lease(self, name: str, board: str = "e1", *, wait: bool = True) -> None:
        """Create a lease; wait until it has its exporter."""
        wish = client_pb2.Lease(selector=f"board={board}")
        wish.duration.FromSeconds(3600)
        request = client_pb2.CreateLeaseRequest(parent="namespaces/default", lease_id=name, lease=wish)
        await self.clients.create_lease(request, metadata=self.metadata(), timeout=LIMIT_S)
        if wait:
            await until(lambda: self.controller.lease(name).exporter)

    async def ready(self, lease: str, exporter: LeasedExporter, board: str = "e1") -> None:
        """Create a lease and wait until the controller knows that its exporter is ready."""
        await self.lease(lease, board)
        await until(lambda: self.statuses(board)[-1] == "LEASE_READY")

    async def dial(self, lease: str) -> tuple[str, str]:
        """Return a router's endpoint and a token, as soon as the exporter listens."""
        request = jumpstarter_pb2.DialRequest(lease_name=lease)
        while True:
            try:
                answer = await self._controller_stub.dial(request, metadata=self.metadata(), timeout=LIMIT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.01)
            else:
                return answer.router_endpoint, answer.router_token

    async def remote(self, lease: str) -> Remote:
        """Return a client of a lease's exporter. Each connection is a tunnel of its own."""
        directory = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="jmp"))

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError, OSError):
                await self._bridge(*await self.dial(lease), reader, writer)

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(accept(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(lambda task: writer.transport.abort())
            task.add_done_callback(self._tasks.discard)

        path = Path(directory) / "s"
        server = await asyncio.start_unix_server(accepted, path)
        self._stack.callback(server.close)
        channel = await self._stack.enter_async_context(
            grpc.aio.insecure_channel(f"unix:{path}", options=[("grpc.use_local_subchannel_pool", 1)])
        )
        return Remote(channel)

    async def _bridge(
        self, endpoint: str, token: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with grpc.aio.secure_channel(
            endpoint, self._trust, options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            stub: Any = RouterStub(channel)  # type: ignore[arg-type]
            call = stub.stream(metadata=(("authorization", f"Bearer {token}"),))

            async def out() -> None:
                while data := await reader.read(65536):
                    await call.write(router_pb2.StreamRequest(payload=data))
                await call.write(router_pb2.StreamRequest(frame_type=router_pb2.FRAME_TYPE_GOAWAY))
                await call.done_writing()

            sending = asyncio.create_task(out())
            try:
                while isinstance(frame := await call.read(), router_pb2.StreamResponse):
                    if frame.frame_type == router_pb2.FRAME_TYPE_GOAWAY:
                        break
                    writer.write(frame.payload)
                    await writer.drain()
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                call.cancel()  # closing the channel ends only calls in which somebody waits

    def reported(self, exporter: str = "e1") -> list[tuple[str, str]]:
        """The statuses that an exporter has told the controller, with their messages."""
        calls = self.controller.journal.entries(method="ReportStatus", caller=exporter)
        return [(status_name(call.request.status), call.request.message) for call in calls if call.request is not None]

    def statuses(self, exporter: str = "e1") -> list[str]:
        """The same without messages."""
        return [status for status, _ in self.reported(exporter)]

    def calls(self, exporter: str = "e1") -> list[str]:
        """The RPCs that an exporter has sent to the controller."""
        return [call.method for call in self.controller.journal.entries(caller=exporter)]

    async def close(self) -> None:
        for exporter in self.running:
            exporter.request_stop()
        await asyncio.gather(*self.running.values(), return_exceptions=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Transports close in the next round of the loop.
        await asyncio.sleep(0.001)


@asynccontextmanager
async def _bench(**options: Any) -> AsyncIterator[Bench]:
    key = RouterKey()
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(MockRouter(key=key))
        controller = MockController(router_key=key, routers=[RouterEntry(router.endpoint)], **options)
        await stack.enter_async_context(controller)
        bench = Bench(controller, router, stack)
        await bench.start()
        stack.push_async_callback(bench.close)
        yield bench


Play = Callable[..., None]


@pytest.fixture
def play() -> Play:
    """Run an async test on a bench: ``play(test, **options of the controller)``. Nothing must be left of it."""

    def playing(test: Callable[[Bench], Awaitable[None]], **options: Any) -> None:
        async def run() -> None:
            async with asyncio.timeout(LIMIT_S), _bench(**options) as bench:
                await test(bench)
                await bench.close()
                await until(lambda: not set(bench.router.journal.open) - LATE)
            coroutines = [task.get_coro() for task in asyncio.all_tasks() - {asyncio.current_task()}]
            # Older releases of gRPC leave compiled ones of their own to the loop's end.
            names = [str(coroutine) for coroutine in coroutines if inspect.iscoroutine(coroutine)]
            assert names == []

        asyncio.run(run())

    return playing


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, str, str]]]:
    """Every status that sessions show to clients: version, status and message."""
    seen: list[tuple[int, str, str]] = []

    class Recorded(Session):
        def update_status(self, status: int, message: str = "") -> None:
            super().update_status(status, message)
            now = self.status()
            assert now.previous_status is not None
            seen.append((now.status_version, status_name(status), message))

    monkeypatch.setattr(lease_module, "Session", Recorded)
    return seen


@pytest.fixture
def unused_port() -> int:
    """A TCP port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def open_descriptors() -> Callable[[], set[str]]:
    """Return a function that tells this process's sockets."""

    def found() -> set[str]:
        sockets = set()
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                target = str(entry.readlink())
                if target.startswith("socket:"):
                    sockets.add(target)
        return sockets

    return found
