"""Client stubs: the methods of a service as callables on a synchronous channel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from JumpstarterLibrary.protocol.pool import POOL, message_class

CONTROLLER = "jumpstarter.v1.ControllerService"
EXPORTER = "jumpstarter.v1.ExporterService"
ROUTER = "jumpstarter.v1.RouterService"
CLIENT = "jumpstarter.client.v1.ClientService"

Receiver = Callable[[Any], None]
"""Sees each message that a stub receives."""


def snake_case(name: str) -> str:
    """Return an RPC's name as a Python name: ``GetReport`` to ``get_report``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def service(full_name: str) -> ServiceDescriptor:
    """Return a service's descriptor from our pool."""
    return POOL.FindServiceByName(full_name)


class _Stub:
    """Binds each RPC of a service to an attribute of its snake-case name.

    Args:
        channel: The channel.
        full_name: The service.
        received: Called with each message that comes, before anything else sees it. Default: nothing.
    """

    def __init__(self, channel: grpc.Channel, full_name: str, received: Receiver | None = None) -> None:
        for method in service(full_name).methods:
            setattr(self, snake_case(method.name), _bind(channel, method, received))


def _bind(channel: grpc.Channel, method: MethodDescriptor, received: Receiver | None = None) -> Any:
    path = f"/{method.containing_service.full_name}/{method.name}"
    serialize = message_class(method.input_type.full_name).SerializeToString
    deserialize = _parser(message_class(method.output_type.full_name).FromString, received)
    if method.client_streaming:
        return channel.stream_stream(path, serialize, deserialize)
    if method.server_streaming:
        return channel.unary_stream(path, serialize, deserialize)
    return channel.unary_unary(path, serialize, deserialize)


def _parser(parse: Callable[[bytes], Any], received: Receiver | None) -> Callable[[bytes], Any]:
    if received is None:
        return parse

    def parse_and_hand_over(data: bytes) -> Any:
        message = parse(data)
        received(message)
        return message

    return parse_and_hand_over


class ExporterStub(_Stub):
    """ExporterService, and the byte streams of the RouterService beside it."""

    get_report: grpc.UnaryUnaryMultiCallable[Any, Any]
    driver_call: grpc.UnaryUnaryMultiCallable[Any, Any]
    streaming_driver_call: grpc.UnaryStreamMultiCallable[Any, Any]
    log_stream: grpc.UnaryStreamMultiCallable[Any, Any]
    get_status: grpc.UnaryUnaryMultiCallable[Any, Any]
    end_session: grpc.UnaryUnaryMultiCallable[Any, Any]
    stream: grpc.StreamStreamMultiCallable[Any, Any]

    def __init__(self, channel: grpc.Channel, received: Receiver | None = None) -> None:
        super().__init__(channel, EXPORTER, received)
        self.stream = _bind(channel, service(ROUTER).methods_by_name["Stream"])


class ControllerStub(_Stub):
    """ControllerService: what exporters call, and the clients' Dial."""

    register: grpc.UnaryUnaryMultiCallable[Any, Any]
    unregister: grpc.UnaryUnaryMultiCallable[Any, Any]
    report_status: grpc.UnaryUnaryMultiCallable[Any, Any]
    listen: grpc.UnaryStreamMultiCallable[Any, Any]
    status: grpc.UnaryStreamMultiCallable[Any, Any]
    dial: grpc.UnaryUnaryMultiCallable[Any, Any]
    get_service_endpoints: grpc.UnaryUnaryMultiCallable[Any, Any]
    get_lease: grpc.UnaryUnaryMultiCallable[Any, Any]
    request_lease: grpc.UnaryUnaryMultiCallable[Any, Any]
    release_lease: grpc.UnaryUnaryMultiCallable[Any, Any]
    list_leases: grpc.UnaryUnaryMultiCallable[Any, Any]

    def __init__(self, channel: grpc.Channel, received: Receiver | None = None) -> None:
        super().__init__(channel, CONTROLLER, received)


class ClientStub(_Stub):
    """ClientService: exporters and leases, as clients see them."""

    get_exporter: grpc.UnaryUnaryMultiCallable[Any, Any]
    list_exporters: grpc.UnaryUnaryMultiCallable[Any, Any]
    get_lease: grpc.UnaryUnaryMultiCallable[Any, Any]
    list_leases: grpc.UnaryUnaryMultiCallable[Any, Any]
    create_lease: grpc.UnaryUnaryMultiCallable[Any, Any]
    update_lease: grpc.UnaryUnaryMultiCallable[Any, Any]
    delete_lease: grpc.UnaryUnaryMultiCallable[Any, Any]
    rotate_token: grpc.UnaryUnaryMultiCallable[Any, Any]

    def __init__(self, channel: grpc.Channel, received: Receiver | None = None) -> None:
        super().__init__(channel, CLIENT, received)


class RouterStub(_Stub):
    """RouterService: one end of a tunnel."""

    stream: grpc.StreamStreamMultiCallable[Any, Any]

    def __init__(self, channel: grpc.Channel) -> None:
        super().__init__(channel, ROUTER)
