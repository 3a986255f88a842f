"""A synchronous gRPC stub that reads a console and looks for bytes: what the wire costs without a console."""

from __future__ import annotations

import time
from collections.abc import Iterator
from queue import SimpleQueue

import grpc
from serve import serve

from JumpstarterLibrary.protocol import ExporterStub, router_pb2
from JumpstarterLibrary.protocol.names import LABEL_NAME
from JumpstarterLibrary.protocol.streams import driver_stream_request
from JumpstarterLibrary.protocol.wellknown import Empty

FRAME = 1024 * 1024


class BareConsole:
    """The stub."""

    def __init__(self, host: str) -> None:
        self._host = host

    def connect(self) -> None:
        options = [("grpc.max_receive_message_length", 64 * FRAME)]
        self._stub = ExporterStub(grpc.insecure_channel(f"unix:{self._host}", options=options))
        reports = self._stub.get_report(Empty()).reports
        self._uuid = next(report.uuid for report in reports if report.labels.get(LABEL_NAME) == "console")

    def search(self, size: str, pattern: str) -> float:
        """Return the seconds until a text is in a frame."""
        says: SimpleQueue[router_pb2.StreamRequest] = SimpleQueue()

        def frames() -> Iterator[router_pb2.StreamRequest]:
            while True:
                yield says.get()

        stream = self._stub.stream(frames(), metadata=(("request", driver_stream_request(self._uuid, "connect")),))
        begin = time.perf_counter()
        says.put(router_pb2.StreamRequest(payload=f"flood {size}".encode()))
        for frame in stream:
            if pattern.encode() in frame.payload:
                break
        took = time.perf_counter() - begin
        stream.cancel()
        says.put(router_pb2.StreamRequest())
        return took


if __name__ == "__main__":
    serve(BareConsole)
