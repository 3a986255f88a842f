"""A served driver tree, and the wire to it."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter import Driver, HostedExporter, serve
from JumpstarterLibrary.protocol import ExporterStub, decode, encode, jumpstarter_pb2, router_pb2
from JumpstarterLibrary.protocol.names import REQUEST_KEY, RESOURCE_KEY
from JumpstarterLibrary.protocol.streams import driver_stream_request, resource_stream_request
from JumpstarterLibrary.protocol.wellknown import Empty

DEADLINE_S = 10


class ByteStreamCall:
    """A byte stream, frame by frame."""

    def __init__(self, stub: ExporterStub, request: str | None) -> None:
        self._frames: queue.SimpleQueue[Any] = queue.SimpleQueue()
        metadata = () if request is None else ((REQUEST_KEY, request),)
        self.call: Any = stub.stream(iter(self._frames.get, None), metadata=metadata, timeout=DEADLINE_S)
        # gRPC's thread that takes our frames ends with the call.
        self.call.add_done_callback(lambda _: self.half_close())

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self.call.initial_metadata())

    @property
    def handle(self) -> dict[str, Any]:
        handle: dict[str, Any] = json.loads(self.metadata[RESOURCE_KEY])
        return handle

    def send(self, payload: bytes = b"", frame_type: int = router_pb2.FRAME_TYPE_DATA) -> None:
        self._frames.put(router_pb2.StreamRequest(payload=payload, frame_type=frame_type))

    def goaway(self) -> None:
        self.send(frame_type=router_pb2.FRAME_TYPE_GOAWAY)

    def half_close(self) -> None:
        self._frames.put(None)

    def receive(self) -> tuple[int, bytes]:
        frame = next(self.call)
        return frame.frame_type, frame.payload

    def read_all(self) -> bytes:
        data = b""
        while (frame := self.receive())[0] == router_pb2.FRAME_TYPE_DATA:
            data += frame[1]
        assert frame == (router_pb2.FRAME_TYPE_GOAWAY, b"")
        return data

    def cancel(self) -> None:
        self.call.cancel()
        self.half_close()


class Wire:
    """A synchronous client that hides nothing of the protocol."""

    def __init__(self, exporter: HostedExporter, channel: grpc.Channel, stop: Callable[[], None]) -> None:
        self.exporter = exporter
        self.stop = stop
        self.stub = ExporterStub(channel)

    def report(self) -> jumpstarter_pb2.GetReportResponse:
        return self.stub.get_report(Empty(), timeout=DEADLINE_S)

    def uuid(self, name: str | None = None) -> str:
        for report in self.report().reports:
            if report.labels.get("jumpstarter.dev/name") == name:
                return report.uuid
        raise LookupError(name)

    def call(self, method: str, *args: object, name: str | None = None, uuid: str | None = None) -> Any:
        return decode(self.start(method, *args, name=name, uuid=uuid).result().result)

    def start(self, method: str, *args: object, name: str | None = None, uuid: str | None = None) -> Any:
        request = jumpstarter_pb2.DriverCallRequest(
            uuid=uuid or self.uuid(name), method=method, args=[encode(arg) for arg in args]
        )
        return self.stub.driver_call.future(request, timeout=DEADLINE_S)

    def stream_call(self, method: str, *args: object, name: str | None = None) -> Any:
        request = jumpstarter_pb2.StreamingDriverCallRequest(
            uuid=self.uuid(name), method=method, args=[encode(arg) for arg in args]
        )
        return self.stub.streaming_driver_call(request, timeout=DEADLINE_S)

    def items(self, method: str, *args: object, name: str | None = None) -> list[Any]:
        return [decode(answer.result) for answer in self.stream_call(method, *args, name=name)]

    def open(self, method: str = "connect", *, name: str | None = None) -> ByteStreamCall:
        return ByteStreamCall(self.stub, driver_stream_request(self.uuid(name), method))

    def offer(self, encoding: str | None = None, *, name: str | None = None) -> ByteStreamCall:
        return ByteStreamCall(self.stub, resource_stream_request(self.uuid(name), encoding))

    def open_raw(self, request: str | None) -> ByteStreamCall:
        return ByteStreamCall(self.stub, request)

    def status(self) -> jumpstarter_pb2.GetStatusResponse:
        return self.stub.get_status(jumpstarter_pb2.GetStatusRequest(), timeout=DEADLINE_S)


Connect = Callable[..., AbstractContextManager[Wire]]


@contextmanager
def _connect(driver: Driver, **options: Any) -> Iterator[Wire]:
    with ExitStack() as stack:
        exporter = stack.enter_context(serve(driver, **options))
        target = exporter.host if "tcp" in options else f"unix:{exporter.host}"
        with grpc.insecure_channel(target) as channel:
            yield Wire(exporter, channel, stack.close)


@pytest.fixture
def connect() -> Connect:
    """Serve a driver and connect to it: ``with connect(driver) as wire``."""
    return _connect


@pytest.fixture
def refused() -> Callable[[Callable[[], object]], tuple[grpc.StatusCode, str]]:
    """Return code and details of the status with which an RPC fails."""

    def failing(function: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as info:
            function()
        error: Any = info.value
        return error.code(), error.details()

    return failing
