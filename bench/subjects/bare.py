"""A synchronous gRPC stub and nothing else: what the wire costs without a client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import grpc
from serve import serve

from JumpstarterLibrary.protocol import ExporterStub, encode, jumpstarter_pb2, router_pb2
from JumpstarterLibrary.protocol.names import LABEL_NAME
from JumpstarterLibrary.protocol.streams import resource_stream_request
from JumpstarterLibrary.protocol.wellknown import Empty

FRAME = 1024 * 1024
GOAWAY = router_pb2.StreamRequest(frame_type=router_pb2.FRAME_TYPE_GOAWAY)


class Bare:
    """The stub."""

    def __init__(self, host: str) -> None:
        self._host = host

    def connect(self) -> None:
        options = [("grpc.max_receive_message_length", 64 * FRAME)]
        self._stub = ExporterStub(grpc.insecure_channel(f"unix:{self._host}", options=options))
        reports = self._stub.get_report(Empty()).reports
        self._uuids = {report.labels[LABEL_NAME]: report.uuid for report in reports if LABEL_NAME in report.labels}
        self.call()

    def call(self) -> None:
        self._stub.driver_call(jumpstarter_pb2.DriverCallRequest(uuid=self._uuids["power"], method="on"))

    def upload(self, path: str) -> None:
        ready: SimpleQueue[None] = SimpleQueue()

        def frames() -> Iterator[router_pb2.StreamRequest]:
            ready.get()
            with Path(path).open("rb") as file:
                while data := file.read(FRAME):
                    yield router_pb2.StreamRequest(payload=data)
            yield GOAWAY

        stream = self._open(frames())
        call = self._start("write", stream)
        ready.put(None)
        call.result()
        stream.cancel()

    def download(self, path: str) -> None:
        hold: SimpleQueue[router_pb2.StreamRequest] = SimpleQueue()
        stream = self._open(iter(hold.get, GOAWAY))
        call = self._start("read", stream)
        with Path(path).open("wb") as file:
            for frame in stream:
                if frame.frame_type == router_pb2.FRAME_TYPE_GOAWAY:
                    break
                file.write(frame.payload)
        call.result()
        hold.put(GOAWAY)
        stream.cancel()

    def _open(self, frames: Iterator[router_pb2.StreamRequest]) -> grpc.Call:
        request = resource_stream_request(self._uuids["mux"])
        return self._stub.stream(frames, metadata=(("request", request),))

    def _start(self, method: str, stream: grpc.Call) -> grpc.Future:
        handle = json.loads(dict(stream.initial_metadata())["resource"])
        request = jumpstarter_pb2.DriverCallRequest(uuid=self._uuids["mux"], method=method, args=[encode(handle)])
        return self._stub.driver_call.future(request)


if __name__ == "__main__":
    serve(Bare)
