"""A client of nothing but the protocol: drivers are tested over a real socket, through a real session."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.hosting import HostedExporter, serve
from JumpstarterLibrary.protocol import ExporterStub, decode, encode, jumpstarter_pb2, router_pb2
from JumpstarterLibrary.protocol.names import CLIENT_KEY, REQUEST_KEY, RESOURCE_KEY
from JumpstarterLibrary.protocol.streams import driver_stream_request, resource_stream_request

LIMIT_S = 20.0


class ByteStream:
    """One end of a byte stream RPC."""

    def __init__(self, stub: ExporterStub, request: str, name: str | None = None) -> None:
        self._frames: queue.Queue[router_pb2.StreamRequest | None] = queue.Queue(4)
        metadata = ((REQUEST_KEY, request), *(((CLIENT_KEY, name),) if name is not None else ()))
        self._rpc = stub.stream(iter(self._frames.get, None), metadata=metadata, timeout=LIMIT_S)
        # Waits until the exporter has opened the far side.
        self.metadata = dict(self._rpc.initial_metadata())

    @property
    def handle(self) -> Any:
        return json.loads(self.metadata[RESOURCE_KEY])

    def send(self, data: bytes) -> None:
        self._frames.put(router_pb2.StreamRequest(payload=data), timeout=LIMIT_S)

    def send_eof(self) -> None:
        self._frames.put(router_pb2.StreamRequest(frame_type=router_pb2.FRAME_TYPE_GOAWAY), timeout=LIMIT_S)
        self._frames.put(None, timeout=LIMIT_S)

    def receive(self) -> bytes | None:
        """Return the next data, or None at its end."""
        for frame in self._rpc:
            if frame.frame_type == router_pb2.FRAME_TYPE_GOAWAY:
                return None
            if frame.payload:
                return bytes(frame.payload)
        return None

    def receive_all(self) -> bytes:
        return b"".join(iter(self.receive, None))

    def receive_exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size and (chunk := self.receive()) is not None:
            data += chunk
        return bytes(data)

    def cancel(self) -> None:
        self._rpc.cancel()
        # The sending thread of gRPC waits for frames.
        with suppress(queue.Full):
            self._frames.put_nowait(None)


class Client:
    """Calls one driver."""

    def __init__(self, channel: grpc.Channel, exporter: HostedExporter, driver: Driver) -> None:
        self.exporter = exporter
        self._stub = ExporterStub(channel)
        self._uuid = str(driver.uuid)

    def start(self, method: str, *arguments: object) -> Any:
        request = jumpstarter_pb2.DriverCallRequest(
            uuid=self._uuid, method=method, args=[encode(argument) for argument in arguments]
        )
        return self._stub.driver_call.future(request, timeout=LIMIT_S)

    def call(self, method: str, *arguments: object) -> Any:
        return decode(self.start(method, *arguments).result().result)

    def iterate(self, method: str, *arguments: object) -> list[Any]:
        request = jumpstarter_pb2.StreamingDriverCallRequest(
            uuid=self._uuid, method=method, args=[encode(argument) for argument in arguments]
        )
        return [decode(item.result) for item in self._stub.streaming_driver_call(request, timeout=LIMIT_S)]

    def failure(self, method: str, *arguments: object) -> str:
        """Return the status and text of a call that fails."""
        return self._failure(lambda: self.call(method, *arguments))

    @staticmethod
    def _failure(action: Callable[[], object]) -> str:
        with pytest.raises(grpc.RpcError) as caught:
            action()
        return f"{caught.value.code().name}: {caught.value.details()}"

    @contextmanager
    def stream(self, method: str = "connect", name: str | None = None) -> Iterator[ByteStream]:
        stream = ByteStream(self._stub, driver_stream_request(self._uuid, method), name)
        try:
            yield stream
        finally:
            stream.cancel()

    def stream_failure(self, method: str = "connect") -> str:
        """Return the status and text with which a stream cannot be opened."""
        with self.stream(method) as stream:
            return self._failure(stream.receive)

    @contextmanager
    def resource(self) -> Iterator[ByteStream]:
        stream = ByteStream(self._stub, resource_stream_request(self._uuid))
        try:
            yield stream
        finally:
            stream.cancel()

    def upload(
        self, method: str, chunks: Iterable[bytes], before: tuple[Any, ...] = (), after: tuple[Any, ...] = ()
    ) -> None:
        """Call a method with a handle for data, between other arguments."""
        with self.resource() as stream:
            call = self.start(method, *before, stream.handle, *after)
            for chunk in chunks:
                stream.send(chunk)
            stream.send_eof()
            call.result()

    def download(self, method: str, *, before: tuple[Any, ...] = (), after: tuple[Any, ...] = ()) -> bytes:
        """Call a method with a handle for a sink, between other arguments, and return what it got."""
        with self.resource() as stream:
            call = self.start(method, *before, stream.handle, *after)
            # A call that fails early leaves its resource alone, which then never ends.
            call.add_done_callback(lambda done: stream.cancel() if done.exception() else None)
            with suppress(grpc.RpcError):
                data = stream.receive_all()
            call.result()
            return data

    def upload_failure(self, method: str, *, before: tuple[Any, ...] = (), after: tuple[Any, ...] = ()) -> str:
        return self._failure(lambda: self.upload(method, [b"data"], before, after))

    def download_failure(self, method: str, *, before: tuple[Any, ...] = (), after: tuple[Any, ...] = ()) -> str:
        return self._failure(lambda: self.download(method, before=before, after=after))


@pytest.fixture
def serving() -> Iterator[Callable[[Driver], Client]]:
    """Serve a driver on a unix socket until the test ends, and return its client."""
    with ExitStack() as stack:

        def start(driver: Driver) -> Client:
            exporter = stack.enter_context(serve(driver, grace=0))
            channel = stack.enter_context(grpc.insecure_channel(f"unix:{exporter.host}"))
            return Client(channel, exporter, driver)

        yield start
