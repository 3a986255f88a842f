"""A service's methods as a gRPC handler, and the client's stub against it, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.protocol import (
    EXPORTER,
    ROUTER,
    ExporterStub,
    common_pb2,
    jumpstarter_pb2,
    router_pb2,
    service_handler,
)
from JumpstarterLibrary.protocol.wellknown import Empty


class Servicer:
    """One method of each shape."""

    def get_report(self, _request: object, _context: object) -> Any:
        return jumpstarter_pb2.GetReportResponse(uuid="u")

    def streaming_driver_call(self, request: Any, _context: object) -> Iterator[Any]:
        for _ in range(2):
            yield jumpstarter_pb2.StreamingDriverCallResponse(uuid=request.method)

    def stream(self, requests: Iterator[Any], _context: object) -> Iterator[Any]:
        for request in requests:
            yield router_pb2.StreamResponse(payload=request.payload)


@contextmanager
def stub(servicer: object, path: Path) -> Iterator[ExporterStub]:
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((service_handler(EXPORTER, servicer), service_handler(ROUTER, servicer)))
        server.add_insecure_port(f"unix:{path}")
        server.start()
        try:
            with grpc.insecure_channel(f"unix:{path}") as channel:
                yield ExporterStub(channel)
        finally:
            server.stop(0).wait()


def test_every_shape_of_rpc(tmp_path: Path) -> None:
    with stub(Servicer(), tmp_path / "s") as exporter:
        assert exporter.get_report(Empty(), timeout=10).uuid == "u"
        request = jumpstarter_pb2.StreamingDriverCallRequest(method="m")
        assert [item.uuid for item in exporter.streaming_driver_call(request, timeout=10)] == ["m", "m"]
        frames = [router_pb2.StreamRequest(payload=b"a"), router_pb2.StreamRequest(payload=b"b")]
        assert [frame.payload for frame in exporter.stream(iter(frames), timeout=10)] == [b"a", b"b"]


def test_a_method_that_is_not_there_answers_unimplemented(tmp_path: Path) -> None:
    with stub(Servicer(), tmp_path / "s") as exporter, pytest.raises(grpc.RpcError) as caught:
        exporter.get_status(jumpstarter_pb2.GetStatusRequest(), timeout=10)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


def test_enum_numbers_travel_that_this_side_does_not_know(tmp_path: Path) -> None:
    class Newer(Servicer):
        def get_status(self, _request: object, _context: object) -> Any:
            return jumpstarter_pb2.GetStatusResponse(status=99)

    with stub(Newer(), tmp_path / "s") as exporter:
        answer = exporter.get_status(jumpstarter_pb2.GetStatusRequest(), timeout=10)
    assert answer.status == 99
    with pytest.raises(ValueError, match="99"):
        common_pb2.ExporterStatus.Name(answer.status)
