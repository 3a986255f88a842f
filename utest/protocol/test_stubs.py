"""Stubs bind each RPC of a service to its path and shape."""

from __future__ import annotations

from typing import Any

import pytest

from JumpstarterLibrary.protocol import (
    CLIENT,
    CONTROLLER,
    EXPORTER,
    ROUTER,
    ClientStub,
    ControllerStub,
    ExporterStub,
    RouterStub,
)
from JumpstarterLibrary.protocol.stubs import service, snake_case


class Channel:
    """Writes down what a stub asks for."""

    def __init__(self) -> None:
        self.bound: dict[str, str] = {}

    def __getattr__(self, shape: str) -> Any:
        def bind(path: str, _serialize: object, _deserialize: object) -> str:
            self.bound[path] = shape
            return path

        return bind


def test_the_exporter_stub() -> None:
    channel: Any = Channel()
    stub: Any = ExporterStub(channel)
    assert channel.bound == {
        "/jumpstarter.v1.ExporterService/GetReport": "unary_unary",
        "/jumpstarter.v1.ExporterService/DriverCall": "unary_unary",
        "/jumpstarter.v1.ExporterService/StreamingDriverCall": "unary_stream",
        "/jumpstarter.v1.ExporterService/LogStream": "unary_stream",
        "/jumpstarter.v1.ExporterService/Reset": "unary_unary",
        "/jumpstarter.v1.ExporterService/GetStatus": "unary_unary",
        "/jumpstarter.v1.ExporterService/EndSession": "unary_unary",
        "/jumpstarter.v1.RouterService/Stream": "stream_stream",
    }
    assert stub.get_report == "/jumpstarter.v1.ExporterService/GetReport"
    assert stub.stream == "/jumpstarter.v1.RouterService/Stream"


@pytest.mark.parametrize(
    ("stub_class", "name"), [(ControllerStub, CONTROLLER), (ClientStub, CLIENT), (RouterStub, ROUTER)]
)
def test_the_other_stubs_bind_every_rpc_that_they_announce(stub_class: Any, name: str) -> None:
    channel: Any = Channel()
    stub = stub_class(channel)
    announced = set(stub_class.__annotations__)
    assert {snake_case(method.name) for method in service(name).methods} == announced
    assert {getattr(stub, attribute) for attribute in announced} == set(channel.bound)
    assert all(path.startswith(f"/{name}/") for path in channel.bound)


def test_streaming_rpcs_of_the_controller() -> None:
    channel: Any = Channel()
    ControllerStub(channel)
    streaming = [path for path, shape in channel.bound.items() if shape == "unary_stream"]
    assert streaming == ["/jumpstarter.v1.ControllerService/Listen", "/jumpstarter.v1.ControllerService/Status"]


@pytest.mark.parametrize("name", [CLIENT, CONTROLLER, EXPORTER, ROUTER])
def test_the_services_are_there(name: str) -> None:
    assert service(name).full_name == name


@pytest.mark.parametrize(
    ("name", "snake"),
    [("Reset", "reset"), ("GetReport", "get_report"), ("StreamingDriverCall", "streaming_driver_call")],
)
def test_python_names(name: str, snake: str) -> None:
    assert snake_case(name) == snake
